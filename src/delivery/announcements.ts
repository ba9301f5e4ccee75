import type { MatchBatch, MatchBatches } from '../subscriptions/match-batches.js';

/** Who has to know which subscriptions changed. */
export interface ChangeListener {
  /** Learns who is concerned. New events may not be in sight yet. */
  learn(groupIds: ReadonlySet<number>, subscriptionIds: ReadonlySet<string>): Promise<void>;
}

const BATCHES_AT_ONCE = 200;

/**
 * What the batches of matching say of subscriptions, told to all in this process before an event of those batches is shown. Otherwise one
 * that left its group (paused, other filters) could be sent, under its next number, what happened after it had left.
 */
export class Announcements {
  private readonly listeners: ChangeListener[] = [];
  private last?: number;
  private telling: Promise<void> = Promise.resolve();

  constructor(private readonly batches: MatchBatches) {}

  listen(listener: ChangeListener): void {
    this.listeners.push(listener);
  }

  /** What was announced before is found by reading the subscriptions. Returns the newest batch. */
  async start(): Promise<number> {
    return (this.last ??= await this.batches.newest());
  }

  /** Tells these batches, as far as they are not told yet. Resolves when everybody has learnt of them. */
  tell(batches: readonly MatchBatch[]): Promise<void> {
    return this.inTurn(() => this.tellNow(batches));
  }

  /** Resolves when everybody has learnt of all batches up to this one. */
  through(batch: number): Promise<void> {
    return this.inTurn(async () => {
      while (this.last !== undefined && this.last < batch) {
        const more = await this.batches.after(this.last, BATCHES_AT_ONCE);
        // Old batches are pruned: what is not there any more has been read by everybody.
        if (more.length === 0) this.last = batch;
        await this.tellNow(more);
      }
    });
  }

  private async tellNow(batches: readonly MatchBatch[]): Promise<void> {
    const news = batches.filter(({ batch }) => this.last === undefined || batch > this.last);
    const newest = news.at(-1);
    if (!newest) return;
    const groupIds = new Set(news.flatMap((batch) => batch.groupIds));
    const subscriptionIds = new Set(news.flatMap((batch) => batch.subscriptionIds));
    await Promise.all(this.listeners.map((listener) => listener.learn(groupIds, subscriptionIds)));
    this.last = newest.batch;
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.telling.then(work);
    this.telling = turn.catch(() => undefined);
    return turn;
  }
}
