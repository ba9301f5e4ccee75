import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { DEAD_PEER_PROBES, DEAD_PEER_SETTINGS, sessionOptions } from './dead-peers.js';
import { LocalWakeUps, WAKE_UPS, type WakeUp, WakeUps } from '../wake-ups/wake-ups.js';

const CHANNEL = 'carillon_wake_up';
/** NOTIFY in every transaction costs 70 % of the throughput, one in twenty milliseconds nothing. */
const COALESCE_MILLISECONDS = 20;
const HEARTBEAT_MILLISECONDS = 5_000;
const LONGEST_PAUSE_MILLISECONDS = 5_000;

/**
 * Wake-ups in this process at once and in the others through NOTIFY: at most one each 20 ms, outside every transaction, on a
 * connection of its own, which also listens. While that connection is down the others find their work by polling.
 */
export class PostgresWakeUps extends WakeUps {
  private readonly local = new LocalWakeUps();
  /** Tells our own notifications, which were heard locally already, from those of others. */
  private readonly self = randomUUID();
  private readonly pending = new Set<WakeUp>();
  private timer: NodeJS.Timeout | undefined;
  private heartbeat: NodeJS.Timeout | undefined;
  private client: pg.Client | undefined;
  /** The connection is connecting or answering: it is asked one thing at a time. */
  private busy = false;
  private running = false;
  private loop: Promise<void> = Promise.resolve();
  private endPause: () => void = () => {};

  constructor(
    private readonly url: string,
    private readonly onTrouble: (error: Error) => void,
  ) {
    super();
  }

  send(wakeUp: WakeUp): void {
    this.local.send(wakeUp);
    if (!this.running) return;
    this.pending.add(wakeUp);
    this.plan();
  }

  on(wakeUp: WakeUp, listener: () => void): () => void {
    return this.local.on(wakeUp, listener);
  }

  start(): void {
    if (this.running) return;
    this.running = true;
    this.loop = this.stayConnected();
  }

  async stop(): Promise<void> {
    this.running = false;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.endPause();
    await this.client?.end().catch(() => undefined);
    await this.loop;
  }

  private async stayConnected(): Promise<void> {
    let pause = 100;
    while (this.running) {
      const client = new pg.Client({
        connectionString: this.url,
        application_name: 'carillon wake-ups',
        options: sessionOptions(DEAD_PEER_SETTINGS),
        connectionTimeoutMillis: HEARTBEAT_MILLISECONDS,
        query_timeout: HEARTBEAT_MILLISECONDS,
        ...DEAD_PEER_PROBES,
      });
      this.client = client;
      this.busy = true;
      const ended = new Promise<void>((resolve) => client.once('end', resolve));
      client.on('error', (error) => this.running && this.onTrouble(error));
      client.on('notification', ({ payload }) => this.hear(payload ?? ''));
      try {
        await client.connect();
        await this.ask(client, `LISTEN ${CHANNEL}`);
        pause = 100;
        // What came while nobody listened is made up for.
        for (const wakeUp of ['changes', 'events'] as const) this.local.send(wakeUp);
        this.beat(client);
        await ended;
      } catch (error) {
        if (this.running) this.onTrouble(error as Error);
      }
      clearInterval(this.heartbeat);
      await client.end().catch(() => undefined);
      if (this.running) await this.rest(pause);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MILLISECONDS);
    }
  }

  /** A connection that a network dropped silently looks alive until something is asked of it. */
  private beat(client: pg.Client): void {
    this.heartbeat = setInterval(() => {
      if (!this.busy) void this.askOrHangUp(client, 'SELECT 1');
    }, HEARTBEAT_MILLISECONDS).unref();
  }

  private async ask(client: pg.Client, text: string, values?: readonly string[]): Promise<void> {
    this.busy = true;
    await client.query(text, values?.slice());
    this.busy = false;
    if (this.pending.size > 0) this.plan();
  }

  /** A connection that answers nothing in time is no longer one; another is made. */
  private async askOrHangUp(client: pg.Client, text: string, values?: readonly string[]): Promise<void> {
    try {
      await this.ask(client, text, values);
    } catch (error) {
      if (this.running) this.onTrouble(error as Error);
      await client.end().catch(() => undefined);
    }
  }

  private rest(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private plan(): void {
    this.timer ??= setTimeout(() => this.notifyOthers(), COALESCE_MILLISECONDS).unref();
  }

  /** What is pending while the connection is busy goes with the next. A wake-up that is lost costs time only. */
  private notifyOthers(): void {
    this.timer = undefined;
    if (this.client === undefined || this.busy) return;
    const payload = `${this.self} ${[...this.pending].join(' ')}`;
    this.pending.clear();
    void this.askOrHangUp(this.client, 'SELECT pg_notify($1, $2)', [CHANNEL, payload]);
  }

  private hear(payload: string): void {
    const [sender, ...wakeUps] = payload.split(' ');
    if (sender === this.self) return;
    for (const wakeUp of WAKE_UPS) if (wakeUps.includes(wakeUp)) this.local.send(wakeUp);
  }
}
