import type { Log } from '../telemetry/log.js';
import type { Attempt, AttemptLog } from './attempt-log.js';
import { FlushLoop } from './flush-loop.js';

/** Attempts kept in memory while the database does not take them; more are dropped and counted. */
const MOST_WAITING = 20_000;
const MOST_AT_ONCE = 5000;
/** So often, a second apart, the database is asked to take some; then they are dropped and counted. */
const TRIES = 5;
const PAUSE_MS = 1000;

/**
 * Writes down what was tried, in its own time: the record of attempts is for people, so a disk that is full, a table that is locked or a
 * statement that fails must hold up nothing but itself.
 */
export class AttemptFlush {
  /** Attempts that will never be read, since the process started. */
  dropped = 0;
  private waiting: Attempt[] = [];
  private tries = 0;
  private readonly loop = new FlushLoop(
    () => this.write(),
    () => this.waiting.length > 0,
  );

  constructor(
    private readonly log: AttemptLog,
    private readonly flushMs: number,
    private readonly trace: Log,
  ) {}

  record(attempt: Attempt): void {
    if (this.waiting.length >= MOST_WAITING) this.dropped += 1;
    else this.waiting.push(attempt);
    this.loop.soon(this.flushMs);
  }

  /** Resolves once all that was given so far is written, or was refused once more. */
  async drain(): Promise<void> {
    await this.loop.pause();
    while (this.waiting.length > 0) {
      const before = this.waiting.length;
      await this.loop.now();
      if (this.waiting.length >= before) return;
    }
    await this.loop.pause();
  }

  private async write(): Promise<number> {
    const some = this.waiting.slice(0, MOST_AT_ONCE);
    try {
      await this.log.append(some);
      this.tries = 0;
    } catch (error) {
      this.tries += 1;
      if (this.tries < TRIES) return PAUSE_MS;
      this.tries = 0;
      this.dropped += some.length;
      this.trace.warn({ err: error, attempts: some.length, droppedInAll: this.dropped }, 'delivery.attempts-not-kept');
    }
    this.waiting.splice(0, some.length);
    return this.flushMs;
  }
}
