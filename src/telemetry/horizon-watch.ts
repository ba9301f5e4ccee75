import type { DatabaseFigures, LogHorizon } from './database-figures.js';
import type { Log } from './log.js';

const LOOK_MS = 5000;
/** One that stays is told again so often. */
const AGAIN_MS = 60_000;

/**
 * Says in the log who holds it back: while a transaction writes, whatever was stored after it began is not matched, so one that stays open
 * stops all notifications. Told without its statement, which may hold what was stored.
 */
export class HorizonWatch {
  private timer?: NodeJS.Timeout;
  private looking: Promise<void> = Promise.resolve();
  private stopped = true;
  private told?: { pid: number; at: number };

  constructor(
    private readonly figures: Pick<DatabaseFigures, 'horizon'>,
    private readonly warnSeconds: number,
    private readonly log: Log,
    private readonly lookMs = LOOK_MS,
    private readonly now: () => number = () => performance.now(),
  ) {}

  start(): void {
    if (!this.stopped) return;
    this.stopped = false;
    this.plan();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.looking;
  }

  private plan(): void {
    this.timer = setTimeout(() => {
      this.looking = this.look().finally(() => {
        if (!this.stopped) this.plan();
      });
    }, this.lookMs);
  }

  private async look(): Promise<void> {
    try {
      this.tell(await this.figures.horizon());
    } catch {
      // The database is away: those who work with it say so.
    }
  }

  private tell(horizon: LogHorizon | undefined): void {
    if (horizon === undefined || horizon.seconds < this.warnSeconds) {
      if (this.told) this.log.info({ pid: this.told.pid }, 'log.horizon-free');
      this.told = undefined;
      return;
    }
    if (this.told?.pid === horizon.pid && this.now() - this.told.at < AGAIN_MS) return;
    this.told = { pid: horizon.pid, at: this.now() };
    const { pid, seconds, applicationName, database, state } = horizon;
    this.log.warn({ pid, seconds: Math.round(seconds), applicationName, database, state }, 'log.horizon-held');
  }
}
