import type { Log } from '../telemetry/log.js';
import type { AttemptFlush } from './attempt-flush.js';
import type { Attempt, AttemptLog, DeadLetter } from './attempt-log.js';
import type { CursorStore, CursorUpdate, ShardTokens } from './cursor-store.js';

/**
 * Gathers what many subscriptions have to write down and writes it in one statement, one at a time. Of a subscription only the newest
 * state counts, so what waits is bounded by the number of subscriptions. Senders do not wait for it: what a crash takes from here
 * is sent again, under the same id.
 */
export class CursorFlush {
  private cursors = new Map<string, CursorUpdate>();
  private letters: DeadLetter[] = [];
  private timer?: NodeJS.Timeout;
  private running?: Promise<void>;

  constructor(
    private readonly store: CursorStore,
    private readonly log: AttemptLog,
    private readonly attempts: AttemptFlush,
    private readonly tokens: () => ShardTokens,
    /** Their shard has passed to another process, or they are gone. */
    private readonly onLost: (updates: readonly CursorUpdate[]) => void,
    private readonly flushMs: number,
    private readonly trace: Log,
  ) {}

  keep(update: CursorUpdate): void {
    const sent = update.sent || this.cursors.get(update.subscriptionId)?.sent === true;
    this.cursors.set(update.subscriptionId, sent === update.sent ? update : { ...update, sent });
    this.soon(this.flushMs);
  }

  /** What waits of a subscription is not to be written any more. */
  forget(subscriptionId: string): void {
    this.cursors.delete(subscriptionId);
  }

  record(attempt: Attempt): void {
    this.attempts.record(attempt);
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
    await this.attempts.drain();
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
      if (this.cursors.size + this.letters.length > 0) this.soon(pauseMs);
    });
    return this.running;
  }

  private async write(): Promise<number> {
    const cursors = this.cursors;
    this.cursors = new Map();
    this.writing = new Set(cursors.keys());
    let pauseMs = this.flushMs;
    try {
      // Before the cursor moves past an event, the event is in the dead letters: who has one that could not be written has to wait.
      const heldBack = await this.parkAll();
      if (heldBack.size > 0) pauseMs = 250;
      for (const id of heldBack) {
        const update = cursors.get(id);
        if (update) this.putBack(update);
        cursors.delete(id);
      }
      const written = await this.store.save([...cursors.values()], this.tokens());
      const lost = [...cursors.values()].filter(({ subscriptionId }) => !written.has(subscriptionId));
      if (lost.length > 0) this.onLost(lost);
    } catch (error) {
      this.trace.warn({ err: error, subscriptions: cursors.size }, 'delivery.flush-failed');
      for (const update of cursors.values()) this.putBack(update);
      pauseMs = 250;
    }
    this.writing.clear();
    return pauseMs;
  }

  /** Returns the subscriptions whose letters could not be written. */
  private async parkAll(): Promise<Set<string>> {
    const letters = this.letters;
    this.letters = [];
    try {
      await this.log.park(letters);
      return new Set();
    } catch (error) {
      this.trace.warn({ err: error, letters: letters.length }, 'delivery.letters-not-kept');
      this.letters.unshift(...letters);
      return new Set(letters.map(({ subscriptionId }) => subscriptionId));
    }
  }

  private putBack(update: CursorUpdate): void {
    const newer = this.cursors.get(update.subscriptionId);
    if (!newer) this.cursors.set(update.subscriptionId, update);
    else if (update.sent && !newer.sent) this.cursors.set(update.subscriptionId, { ...newer, sent: true });
  }
}
