import { Gauge, type Registry } from 'prom-client';

/** Database connections of one pool. */
export interface PoolNow {
  inUse: number;
  idle: number;
  /** Statements that wait for a connection. */
  waiting: number;
}

/** The connections of this process to its database. */
export class PoolRecorder {
  private readonly pools = new Map<string, () => PoolNow>();

  constructor(registry: Registry) {
    const { pools } = this;
    new Gauge({
      name: 'carillon_database_connections',
      help: 'Connections of this process to its database, by pool',
      labelNames: ['pool', 'state'],
      registers: [registry],
      collect() {
        for (const [pool, read] of pools) {
          const { inUse, idle } = read();
          this.set({ pool, state: 'in-use' }, inUse);
          this.set({ pool, state: 'idle' }, idle);
        }
      },
    });
    new Gauge({
      name: 'carillon_database_waiting',
      help: 'Statements of this process that wait for a connection, by pool',
      labelNames: ['pool'],
      registers: [registry],
      collect() {
        for (const [pool, read] of pools) this.set({ pool }, read().waiting);
      },
    });
  }

  /** Where the connections of a pool are to be counted. */
  poolIs(pool: string, read: () => PoolNow): void {
    this.pools.set(pool, read);
  }
}
