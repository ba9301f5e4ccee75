import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { DEAD_PEER_PROBES, DEAD_PEER_SETTINGS, sessionOptions } from './dead-peers.js';

const BEAT_MILLISECONDS = 5_000;
const RETRY_MILLISECONDS = 500;

/**
 * This process's sign of life in the database: one connection that bears its name and says something every five seconds. When the process
 * dies, however it dies, PostgreSQL sees the connection end, and others may take over its leases at once (their tokens then fail). A
 * process that merely stands still keeps them until they run out, and then counts no more as one that shares the work.
 */
export class HubPresence {
  /** Also the name under which leases are held; the process id is for whoever looks at them. */
  readonly name = `carillon/${process.pid}/${randomUUID()}`;
  private client?: pg.Client;
  private retry?: NodeJS.Timeout;
  private beat?: NodeJS.Timeout;
  private stopped = true;

  constructor(private readonly connectionString: string) {}

  async start(): Promise<void> {
    if (!this.stopped) return;
    this.stopped = false;
    await this.connect();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.retry);
    clearInterval(this.beat);
    const client = this.client;
    this.client = undefined;
    await client?.end();
  }

  private async connect(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.connectionString,
      application_name: this.name,
      options: sessionOptions(DEAD_PEER_SETTINGS),
      connectionTimeoutMillis: BEAT_MILLISECONDS,
      query_timeout: BEAT_MILLISECONDS,
      ...DEAD_PEER_PROBES,
    });
    const lost = () => {
      if (this.client === client) this.client = undefined;
      if (this.stopped) return;
      clearTimeout(this.retry);
      this.retry = setTimeout(() => void this.connect().catch(lost), RETRY_MILLISECONDS);
    };
    client.on('error', lost);
    client.on('end', lost);
    await client.connect();
    if (this.stopped) return client.end();
    this.client = client;
    clearInterval(this.beat);
    this.beat = setInterval(() => void this.sayAlive(client), BEAT_MILLISECONDS).unref();
  }

  /** A link that was cut silently looks alive until something is asked of it: then it is hung up, and another is made. */
  private async sayAlive(client: pg.Client): Promise<void> {
    try {
      await client.query('SELECT 1');
    } catch {
      await client.end().catch(() => undefined);
    }
  }
}
