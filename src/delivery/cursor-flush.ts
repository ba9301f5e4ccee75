import type { Log } from '../telemetry/log.js';
import type { Attempt, AttemptLog, DeadLetter } from './attempt-log.js';
import type { CursorStore, CursorUpdate, ShardTokens } from './cursor-store.js';

/** Attempts kept in memory while the database does not take them; more are dropped and counted. */
const MOST_ATTEMPTS = 20_000;

/**
 * Gathers what many subscriptions have to write down and writes it in one statement, one at a time. Of a subscription only the newest
 * state counts, so what waits is bounded by the number of subscriptions. Senders do not wait for it: what a crash takes from here
 * is sent again, under the same id.
 */
export class CursorFlush {
  private cursors = new Map<string, CursorUpdate>();
  private attempts: Attempt[] = [];
  private letters: DeadLetter[] = [];
  private timer?: NodeJS.Timeout;
  private running?: Promise<void>;

  constructor(
    private readonly store: CursorStore,
    private readonly log: AttemptLog,
    private readonly tokens: () => ShardTokens,
    /** Their shard has passed to another process, or they are gone. */
    private readonly onLost: (subscriptionIds: readonly string[]) => void,
    private readonly flushMs: number,
    private readonly trace: Log,
  ) {}

  keep(update: CursorUpdate): void {
    const sent = update.sent || this.cursors.get(update.subscriptionId)?.sent === true;
    this.cursors.set(update.subscriptionId, sent === update.sent ? update : { ...update, sent });
    this.soon(this.flushMs);
  }

  record(attempt: Attempt): void {
    if (this.attempts.length < MOST_ATTEMPTS) this.attempts.push(attempt);
    this.soon(this.flushMs);
  }

  park(letter: DeadLetter): void {
    this.letters.push(letter);
    this.soon(this.flushMs);
  }

  /** Whether what is known of a subscription here is newer than the table. */
  isAhead(subscriptionId: string): boolean {
    return this.cursors.has(subscriptionId) || this.writing.has(subscriptionId);
  }

  /** Resolves once all that was given so far is written, or has failed once more. */
  async drain(): Promise<void> {
    await this.running;
    clearTimeout(this.timer);
    this.timer = undefined;
    await this.run();
  }

  private writing = new Set<string>();

  private soon(milliseconds: number): void {
    if (this.timer || this.running) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.run();
    }, milliseconds);
  }

  private run(): Promise<void> {
    this.running ??= this.write().then((pauseMs) => {
      this.running = undefined;
      if (this.cursors.size + this.attempts.length + this.letters.length > 0) this.soon(pauseMs);
    });
    return this.running;
  }

  private async write(): Promise<number> {
    const cursors = this.cursors;
    const letters = this.letters;
    const attempts = this.attempts;
    this.cursors = new Map();
    this.letters = [];
    this.attempts = [];
    this.writing = new Set(cursors.keys());
    let pauseMs = this.flushMs;
    try {
      // Before the cursor moves past an event, the event is in the dead letters.
      await this.log.park(letters);
      letters.length = 0;
      const written = await this.store.save([...cursors.values()], this.tokens());
      const lost = [...cursors.keys()].filter((id) => !written.has(id));
      if (lost.length > 0) this.onLost(lost);
    } catch (error) {
      this.trace.warn({ err: error, subscriptions: cursors.size }, 'delivery.flush-failed');
      this.letters.unshift(...letters);
      for (const [id, update] of cursors) {
        const newer = this.cursors.get(id);
        if (!newer) this.cursors.set(id, update);
        else if (update.sent && !newer.sent) this.cursors.set(id, { ...newer, sent: true });
      }
      pauseMs = 250;
    }
    this.writing.clear();
    try {
      await this.log.append(attempts);
    } catch (error) {
      // The log of attempts is for people; delivery goes on without it.
      this.trace.warn({ err: error, attempts: attempts.length }, 'delivery.attempts-not-kept');
    }
    return pauseMs;
  }
}
