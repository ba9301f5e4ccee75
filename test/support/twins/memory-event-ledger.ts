import { comparePositions, type LogPosition, LOG_START } from '../../../src/fhir/change.js';
import {
  EventLedger,
  LeaseLost,
  type MatchedBatch,
  type MatchingLease,
  type Membership,
} from '../../../src/matching/event-ledger.js';

interface Held {
  token: string;
  process: string;
  ends: number;
}

/** The numbered log in memory, by the plainest means: each subscription's own list of the changes it was given. */
export class MemoryEventLedger extends EventLedger {
  /** Every event a subscription was ever given, in order: its place in the list is its number less one. */
  readonly given = new Map<string, LogPosition[]>();
  /** Groups that take part, by subscription. */
  readonly groups = new Map<string, string>();
  private held: Held | undefined;
  private position = LOG_START;
  private batch = 0n;
  private tokens = 0;

  constructor(private readonly now: () => number = Date.now) {
    super();
  }

  lease(process: string, seconds: number): Promise<MatchingLease | undefined> {
    if (this.held !== undefined && this.held.process !== process && this.held.ends > this.now())
      return Promise.resolve(undefined);
    const token = this.held?.process === process ? this.held.token : `token-${String(++this.tokens)}`;
    this.held = { token, process, ends: this.now() + seconds * 1000 };
    return Promise.resolve({ token, position: this.position, batch: this.batch });
  }

  release(process: string): Promise<void> {
    if (this.held?.process === process) this.held = undefined;
    return Promise.resolve();
  }

  async commit({ lease, position, events, memberships, subscriptionIds }: MatchedBatch): Promise<MatchingLease> {
    const stale = lease.batch !== this.batch || comparePositions(lease.position, this.position) !== 0;
    if (this.held?.token !== lease.token || stale) throw new LeaseLost();
    let next = 0;
    const giveUntil = (end: number) => {
      for (; next < end; next++) {
        const event = events[next];
        if (event === undefined) continue;
        for (const [subscriptionId, group] of this.groups) {
          if (group === event.groupFingerprint) this.given.get(subscriptionId)?.push(event.change);
        }
      }
    };
    for (const change of memberships) {
      if (change.kind === 'forget') {
        this.groups.delete(change.subscriptionId);
        this.given.delete(change.subscriptionId);
        continue;
      }
      giveUntil(change.afterEvent);
      if (change.kind === 'leave') this.groups.delete(change.subscriptionId);
      else {
        this.groups.set(change.subscriptionId, change.groupFingerprint);
        if (!this.given.has(change.subscriptionId)) this.given.set(change.subscriptionId, []);
      }
    }
    giveUntil(events.length);
    this.position = position;
    if (events.length + memberships.length + subscriptionIds.length > 0) this.batch++;
    return { ...lease, position, batch: this.batch };
  }

  async *memberships(): AsyncIterable<readonly Membership[]> {
    yield [...this.groups].map(([subscriptionId, groupFingerprint]) => ({ subscriptionId, groupFingerprint }));
  }
}
