import type { TestDatabase } from '../../support/clone-database.js';
import { freePort } from '../../support/free-port.js';
import { type Hub, type HubOptions, startHub } from '../../support/start-hub.js';
import type { Disturbance } from './check-deliveries.js';

/** A place for a hub process: it keeps its port and settings when the process in it is another. */
export class HubPlace {
  /** Set by a test that cuts it off by a proxy: until it is taken back nobody turns to it. */
  isCutOff = false;
  private current: Hub | undefined;
  private isFrozen = false;

  constructor(
    readonly name: string,
    readonly port: number,
    private readonly options: HubOptions,
    private readonly disturbances: Disturbance[],
  ) {}

  get hub(): Hub {
    if (this.current === undefined) throw new Error(`${this.name} does not run`);
    return this.current;
  }

  get isUp(): boolean {
    return this.current !== undefined && !this.isFrozen && !this.isCutOff;
  }

  async start(): Promise<void> {
    if (this.current !== undefined) throw new Error(`${this.name} runs already`);
    this.current = await startHub({ ...this.options, port: this.port });
  }

  /** `kill -9`. Nothing is asked of it any more from the moment this is called. */
  async kill(): Promise<void> {
    const { hub } = this;
    await this.disturb(async () => {
      this.current = undefined;
      this.isFrozen = false;
      await hub.kill();
    });
  }

  /** As an operator stops it. No disturbance: what it leaves is written down. */
  async stop(): Promise<number | null> {
    const { hub } = this;
    this.current = undefined;
    return hub.stop();
  }

  /** SIGSTOP: it stands still, with its connections open. Counts as disturbed until it is thawed, and once more then. */
  async freeze(): Promise<void> {
    this.isFrozen = true;
    await this.disturb(() => void process.kill(this.hub.pid, 'SIGSTOP'));
  }

  async thaw(): Promise<void> {
    await this.disturb(() => void process.kill(this.hub.pid, 'SIGCONT'));
    this.isFrozen = false;
  }

  /** Whatever state it is in. */
  async end(): Promise<void> {
    if (this.current === undefined) return;
    if (this.isFrozen) process.kill(this.current.pid, 'SIGCONT');
    const hub = this.current;
    this.current = undefined;
    await hub.stop();
  }

  private async disturb(work: () => void | Promise<void>): Promise<void> {
    this.disturbances.push({ from: performance.now() });
    await work();
  }
}

/** Hub processes on one database. */
export class HubCluster {
  private constructor(
    readonly places: readonly HubPlace[],
    /** When processes were killed or frozen: filled by the places, and by tests for what they do themselves. */
    readonly disturbances: Disturbance[],
  ) {}

  static async start(options: {
    hubs: number;
    database: TestDatabase;
    env?: Record<string, string>;
    /** What differs from one to the next: an own way to the database, a skewed clock. */
    each?: (index: number) => Pick<HubOptions, 'database' | 'dataDir' | 'env'>;
  }): Promise<HubCluster> {
    const disturbances: Disturbance[] = [];
    const ports = await Promise.all(Array.from({ length: options.hubs }, () => freePort()));
    // One address for all: a notification tells the same whoever sends it.
    const PUBLIC_URL = `http://127.0.0.1:${ports[0]}`;
    const places = ports.map((port, index) => {
      const own = options.each?.(index);
      const env = { PUBLIC_URL, ...options.env, ...own?.env };
      const hub = { database: own?.database ?? options.database, dataDir: own?.dataDir, env };
      return new HubPlace(`hub ${index + 1}`, port, hub, disturbances);
    });
    const cluster = new HubCluster(places, disturbances);
    const starts = await Promise.allSettled(places.map((place) => place.start()));
    const failed = starts.find((start) => start.status === 'rejected');
    if (failed === undefined) return cluster;
    await cluster.stop();
    throw failed.reason;
  }

  /** FHIR bases (face r4b) of those that run. */
  readonly bases = (): string[] => this.places.filter(({ isUp }) => isUp).map(({ hub }) => hub.fhir);

  async stop(): Promise<void> {
    await Promise.all(this.places.map((place) => place.end()));
  }
}
