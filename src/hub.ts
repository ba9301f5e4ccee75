import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Config } from './config/config.js';
import { requireFreePort } from './http/require-free-port.js';
import { Database } from './storage/database.js';
import { type OpenDatabase, openDatabase } from './storage/open-database.js';
import { HubPresence } from './storage/hub-presence.js';
import { PostgresWakeUps } from './storage/postgres-wake-ups.js';
import type { Log } from './telemetry/log.js';

const SWEEP_MILLISECONDS = 50;

/** The hub as a whole: the order in which it starts, and the order in which it stops (requests, stages, connections, server). */
export class Hub {
  private database: OpenDatabase | undefined;
  private app: NestFastifyApplication | undefined;
  private starting: Promise<void> | undefined;
  private stopping: Promise<void> | undefined;

  constructor(
    private readonly config: Config,
    private readonly log: Log,
  ) {}

  /** Resolves once requests are served. @throws when something is in the way; then {@link stop} still has to be called */
  start(): Promise<void> {
    return (this.starting ??= this.startInOrder());
  }

  /** Waits for a start in progress to come to rest, then undoes it. May be called twice. */
  stop(): Promise<void> {
    return (this.stopping ??= this.stopInOrder());
  }

  private async startInOrder(): Promise<void> {
    const { port, host } = this.config.http;
    await requireFreePort(port, host);
    // Loading the application takes as long as starting the database, so they go side by side.
    const application = import('./create-app.js');
    application.catch(() => undefined);
    this.database = await openDatabase(this.config.storage, this.log);
    if (this.stopping) return;
    this.app = await (await application).createApp(this.config, this.log, this.database.url);
    if (this.stopping) return;
    await this.app.listen(port, host);
  }

  private async stopInOrder(): Promise<void> {
    await this.starting?.catch(() => undefined);
    if (this.app !== undefined) await this.stopApp(this.app);
    await this.database?.close();
  }

  /** Requests in flight get the time of grace; the stages stop after them, in Nest's `onApplicationShutdown`. */
  private async stopApp(app: NestFastifyApplication): Promise<void> {
    const server = app.getHttpServer();
    const impatience = setTimeout(() => server.closeAllConnections(), this.config.lifecycle.graceSeconds * 1000);
    // A connection that was busy when the server closed stays open once its answer is out, as long as its client likes.
    const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MILLISECONDS);
    await app.close();
    clearTimeout(impatience);
    clearInterval(sweep);
    await app.get(HubPresence, { strict: false }).stop();
    await app.get(PostgresWakeUps, { strict: false }).stop();
    await app.get(Database, { strict: false }).close();
  }
}
