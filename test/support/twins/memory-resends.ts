import type { EventNumbers, Replay, ReplayRequest, Replays } from '../../../src/pull/replays.js';
import { type Passage, type Resend, Resends } from '../../../src/subscriptions/resends.js';
import type { MemoryDeliveryRecord } from './memory-delivery-record.js';

type Kept = Replay & Pick<ReplayRequest, 'subscriptionId' | 'toSockets'>;

/** Requests to send events again in memory, as they are made and as they are worked off. */
export class MemoryResends extends Resends implements Replays {
  private readonly kept: Kept[] = [];

  constructor(
    private readonly record: MemoryDeliveryRecord,
    /** Subscriptions that have a cursor, with their shards. */
    private readonly shards: ReadonlyMap<string, number>,
  ) {
    super();
  }

  ask(request: ReplayRequest): Promise<Replay | undefined> {
    const { subscriptionId, first } = request;
    const open = this.kept.filter((one) => one.subscriptionId === subscriptionId && isOpen(one)).length;
    if (!this.shards.has(subscriptionId) || open >= 10) return Promise.resolve(undefined);
    const counts = { sent: 0, refused: 0, gone: 0 };
    const replay: Kept = { ...request, ...counts, id: this.kept.length + 1, state: 'waiting', next: first, askedAt: new Date() };
    this.kept.push(replay);
    return Promise.resolve(shown(replay));
  }

  /** Says nothing of when events happened. */
  numbersBetween(): Promise<EventNumbers | undefined> {
    return Promise.resolve(undefined);
  }

  failedBetween(subscriptionId: string, { first, last }: EventNumbers) {
    const failed = this.failed(subscriptionId, first, last);
    const [lowest, highest] = [failed[0], failed.at(-1)];
    if (lowest === undefined || highest === undefined) return Promise.resolve(undefined);
    return Promise.resolve({ first: lowest, last: highest, count: failed.length });
  }

  find(subscriptionId: string, id: number): Promise<Replay | undefined> {
    const found = this.of(subscriptionId).find((one) => one.id === id);
    return Promise.resolve(found && shown(found));
  }

  list(subscriptionId: string, limit: number): Promise<Replay[]> {
    return Promise.resolve(this.of(subscriptionId).reverse().slice(0, limit).map(shown));
  }

  async cancel(subscriptionId: string, id: number, reason: string): Promise<Replay | undefined> {
    if (this.of(subscriptionId).some((one) => one.id === id)) await this.giveUp(id, reason);
    return this.find(subscriptionId, id);
  }

  waiting(shards: readonly number[]): Promise<Resend[]> {
    const turn = (one: Kept) => (one.kind === 'resend' ? 0 : 1e9) + one.id;
    const bySubscription = new Map<string, Kept>();
    for (const one of this.kept) {
      const { subscriptionId } = one;
      if (one.toSockets || !isOpen(one) || !shards.includes(this.shards.get(subscriptionId)!)) continue;
      const other = bySubscription.get(subscriptionId);
      if (!other || turn(one) < turn(other)) bySubscription.set(subscriptionId, one);
    }
    return Promise.resolve([...bySubscription.values()].map(asResend));
  }

  recent(subscriptionIds: readonly string[]): Promise<Resend[]> {
    return Promise.resolve(
      this.kept.filter((one) => one.toSockets && subscriptionIds.includes(one.subscriptionId)).map(asResend),
    );
  }

  nextFailed(subscriptionId: string, from: number, last: number): Promise<number | undefined> {
    return Promise.resolve(this.failed(subscriptionId, from, last)[0]);
  }

  pass({ id, subscriptionId }: Pick<Resend, 'id' | 'subscriptionId'>, passage: Passage): Promise<boolean> {
    const [first, last] = numbersOf(passage);
    for (let number = first; number <= last; number++) {
      const letter = this.record.parked.get(`${subscriptionId} ${number}`);
      if (!letter) continue;
      letter.sentAgain += 1;
      if (passage.kind === 'sent') letter.resolvedAt ??= new Date();
      if (passage.kind !== 'refused') continue;
      letter.refusedAgainAt = new Date();
      if (!letter.resolvedAt) letter.reason = passage.reason;
    }
    const request = this.kept.find((one) => one.id === id);
    const next = passage.kind === 'gone' ? passage.next : last + 1;
    if (!request || !isOpen(request) || request.next >= next) return Promise.resolve(false);
    request[passage.kind] += passage.kind === 'gone' ? passage.count : last - first + 1;
    request.next = next;
    request.state = next > request.last ? 'done' : 'sending';
    if (request.state === 'done') request.finishedAt = new Date();
    return Promise.resolve(isOpen(request));
  }

  giveUp(id: number, reason: string): Promise<void> {
    const request = this.kept.find((one) => one.id === id);
    if (request && isOpen(request)) Object.assign(request, { state: 'cancelled', reason, finishedAt: new Date() });
    return Promise.resolve();
  }

  private of(subscriptionId: string): Kept[] {
    return this.kept.filter((one) => one.subscriptionId === subscriptionId && !one.toSockets);
  }

  private failed(subscriptionId: string, first: number, last: number): number[] {
    return [...this.record.parked.values()]
      .filter((one) => one.subscriptionId === subscriptionId && one.number >= first && one.number <= last && !one.resolvedAt)
      .map(({ number }) => number)
      .sort((a, b) => a - b);
  }
}

const isOpen = ({ state }: Replay): boolean => state === 'waiting' || state === 'sending';

const shown = ({ subscriptionId: _of, toSockets: _sockets, ...replay }: Kept): Replay => ({ ...replay });

const asResend = ({ id, subscriptionId, next, last, failedOnly, rate }: Kept): Resend => ({
  id,
  subscriptionId,
  next,
  last,
  failedOnly,
  rate,
});

/** Those that were tried; an empty range where none was. */
function numbersOf(passage: Passage): [number, number] {
  if (passage.kind === 'gone') return [1, 0];
  return passage.kind === 'sent' ? [passage.first, passage.last] : [passage.number, passage.number];
}
