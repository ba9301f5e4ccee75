import type { Log } from '../telemetry/log.js';
import type { AttemptFlush } from './attempt-flush.js';
import type { Attempt, AttemptLog, DeadLetter } from './attempt-log.js';
import type { CursorStore, CursorUpdate, ShardTokens } from './cursor-store.js';
import { FlushLoop } from './flush-loop.js';

/**
 * Gathers what many subscriptions have to write down and writes it in one statement, one at a time. Of a subscription only the newest
 * state counts, so what waits is bounded by the number of subscriptions. Senders do not wait for it: what a crash takes from here
 * is sent again, under the same id.
 */
export class CursorFlush {
  private cursors = new Map<string, CursorUpdate>();
  private letters: DeadLetter[] = [];
  private writing = new Set<string>();
  private readonly loop = new FlushLoop(
    () => this.write(),
    () => this.cursors.size + this.letters.length > 0,
  );

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
    this.cursors.set(update.subscriptionId, after(this.cursors.get(update.subscriptionId), update));
    this.loop.soon(this.flushMs);
  }

  record(attempt: Attempt): void {
    this.attempts.record(attempt);
  }

  park(letter: DeadLetter): void {
    this.letters.push(letter);
    this.loop.soon(this.flushMs);
  }

  /** Whether what is known of a subscription here is newer than the table. */
  isAhead(subscriptionId: string): boolean {
    return this.cursors.has(subscriptionId) || this.writing.has(subscriptionId);
  }

  /** Resolves once all that was given so far is written, or has failed once more. */
  async drain(): Promise<void> {
    await this.loop.pause();
    await this.loop.now();
    await this.attempts.drain();
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
    this.cursors.set(update.subscriptionId, newer === undefined ? update : after(update, newer));
  }
}

/** The newer state; that something was sent counts on, unless that was to an earlier Subscription of this id. */
function after(before: CursorUpdate | undefined, newer: CursorUpdate): CursorUpdate {
  return before?.sent === true && before.life === newer.life && !newer.sent ? { ...newer, sent: true } : newer;
}
