import { randomUUID } from 'node:crypto';
import pg from 'pg';

/**
 * This process's sign of life in the database: one connection that bears its name. When the process dies, however it dies, PostgreSQL
 * sees the connection end, and others may take over its leases at once; a process that merely hangs keeps them until they run out.
 */
export class HubPresence {
  /** Also the name under which leases are held; the process id is for whoever looks at them. */
  readonly name = `carillon/${process.pid}/${randomUUID()}`;
  private client?: pg.Client;
  private retry?: NodeJS.Timeout;
  private stopped = true;

  constructor(private readonly connectionString: string) {}

  /** True while others can see this process. Who holds leases without it may lose them any moment (their tokens then fail). */
  get isSeen(): boolean {
    return this.client !== undefined;
  }

  async start(): Promise<void> {
    if (!this.stopped) return;
    this.stopped = false;
    await this.connect();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.retry);
    const client = this.client;
    this.client = undefined;
    await client?.end();
  }

  private async connect(): Promise<void> {
    const client = new pg.Client({ connectionString: this.connectionString, application_name: this.name, keepAlive: true });
    const lost = () => {
      if (this.client === client) this.client = undefined;
      if (this.stopped) return;
      clearTimeout(this.retry);
      this.retry = setTimeout(() => void this.connect().catch(lost), 500);
    };
    client.on('error', lost);
    client.on('end', lost);
    await client.connect();
    if (this.stopped) return client.end();
    this.client = client;
  }
}
