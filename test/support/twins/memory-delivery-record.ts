import { type Attempt, AttemptLog, type DeadLetter } from '../../../src/delivery/attempt-log.js';
import type {
  AttemptFilter,
  AttemptPlace,
  DeliveryRecord,
  RecordedAttempt,
  RecordedLetter,
} from '../../../src/pull/delivery-record.js';

/** Attempts and letters in memory, as they are written and as they are read. */
export class MemoryDeliveryRecord extends AttemptLog implements DeliveryRecord {
  readonly parked = new Map<string, RecordedLetter & { subscriptionId: string }>();
  private readonly kept: (Attempt & { id: number })[] = [];

  append(attempts: readonly Attempt[]): Promise<void> {
    for (const attempt of attempts) this.kept.push({ ...attempt, id: this.kept.length + 1 });
    return Promise.resolve();
  }

  park(letters: readonly DeadLetter[]): Promise<void> {
    for (const letter of letters) {
      const key = `${letter.subscriptionId} ${letter.number}`;
      if (!this.parked.has(key)) this.parked.set(key, { ...letter, at: new Date(), sentAgain: 0 });
    }
    return Promise.resolve();
  }

  attempts(
    subscriptionId: string,
    { outcome, since, until, number }: AttemptFilter,
    count: number,
    after?: AttemptPlace,
  ): Promise<{ attempts: RecordedAttempt[]; next?: AttemptPlace }> {
    const found = this.kept
      .filter((one) => one.subscriptionId === subscriptionId && (outcome === undefined || one.outcome === outcome))
      .filter(({ at }) => (since === undefined || at >= since) && (until === undefined || at <= until))
      .filter(
        ({ firstNumber = Infinity, lastNumber = 0 }) => number === undefined || (firstNumber <= number && number <= lastNumber),
      )
      .sort((a, b) => b.at.getTime() - a.at.getTime() || b.id - a.id)
      .filter((one) => after === undefined || isAfter(one, after));
    const shown = found.slice(0, count);
    const last = found.length > count ? shown.at(-1) : undefined;
    return Promise.resolve({
      attempts: shown.map(({ id: _id, subscriptionId: _of, ...one }) => one),
      next: last && { atMicroseconds: last.at.getTime() * 1000, id: last.id },
    });
  }

  letters(
    subscriptionId: string,
    resolved: boolean | undefined,
    count: number,
    below = Infinity,
  ): Promise<{ letters: RecordedLetter[]; next?: number }> {
    const found = [...this.parked.values()]
      .filter((letter) => letter.subscriptionId === subscriptionId && letter.number < below)
      .filter(({ resolvedAt }) => resolved === undefined || (resolvedAt !== undefined) === resolved)
      .sort((a, b) => b.number - a.number);
    const letters = found.slice(0, count).map(({ subscriptionId: _of, ...letter }) => letter);
    return Promise.resolve({ letters, next: found.length > count ? letters.at(-1)?.number : undefined });
  }
}

function isAfter({ at, id }: { at: Date; id: number }, after: AttemptPlace): boolean {
  const time = at.getTime() * 1000;
  return time < after.atMicroseconds || (time === after.atMicroseconds && id < after.id);
}
