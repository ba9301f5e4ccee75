import { comparePositions, type LogPosition, LOG_START } from '../../../src/fhir/change.js';
import {
  EventLedger,
  type KnownMember,
  LeaseLost,
  type MatchedBatch,
  type MatchingLease,
  type MatchingShare,
  type StandingGroup,
} from '../../../src/matching/event-ledger.js';
import { partitionOf, PARTITIONS } from '../../../src/matching/partitions.js';

interface Part {
  position: LogPosition;
  process?: string;
  token?: string;
  ends: number;
}

/** The numbered log in memory, by the plainest means: each subscription's own list of the changes it was given. */
export class MemoryEventLedger extends EventLedger {
  /** Every event a subscription was ever given, in order: its place in the list is its number less one. */
  readonly given = new Map<string, LogPosition[]>();
  private readonly known = new Map<string, KnownMember>();
  private readonly definitions = new Map<string, string>();
  private readonly parts: Part[] = Array.from({ length: PARTITIONS }, () => ({ position: LOG_START, ends: -Infinity }));
  private readonly processes = new Map<string, number>();
  private seconds = 4;
  private tokens = 0;

  constructor(private readonly now: () => number = Date.now) {
    super();
  }

  lease(process: string, seconds: number): Promise<MatchingShare> {
    this.seconds = seconds;
    const until = this.now() + seconds * 1000;
    this.processes.set(process, until);
    const processes = [...this.processes.values()].filter((end) => end > this.now()).length;
    let held = this.parts.filter((part) => part.process === process).length;
    for (const part of this.parts) {
      const isFree = part.process !== process && (part.process === undefined || part.ends <= this.now());
      if (isFree && held < Math.ceil(PARTITIONS / processes)) {
        held++;
        part.process = process;
        part.token = `token-${String(++this.tokens)}`;
      }
      if (part.process === process) part.ends = until;
    }
    return Promise.resolve({
      processes,
      held: this.parts.flatMap(({ position, process: holder, token }, partition): MatchingLease[] =>
        holder === process && token !== undefined ? [{ partition, token, position }] : [],
      ),
    });
  }

  release(process: string, partitions?: readonly number[]): Promise<void> {
    if (partitions === undefined) this.processes.delete(process);
    for (const [partition, part] of this.parts.entries()) {
      if (part.process !== process || partitions?.includes(partition) === false) continue;
      delete part.process;
      delete part.token;
    }
    return Promise.resolve();
  }

  positions(): Promise<readonly LogPosition[]> {
    return Promise.resolve(this.parts.map(({ position }) => position));
  }

  async commit({ leases, position, events, memberships }: MatchedBatch): Promise<readonly MatchingLease[]> {
    const isCurrent = ({ partition, token, position: from }: MatchingLease) =>
      this.parts[partition]?.token === token && comparePositions(this.parts[partition].position, from) === 0;
    if (leases.length === 0 || !leases.every(isCurrent)) throw new LeaseLost();
    let next = 0;
    const giveUntil = (end: number) => {
      for (; next < end; next++) {
        const event = events[next];
        if (event === undefined) continue;
        for (const [subscriptionId, { open }] of this.known) {
          if (open === event.groupFingerprint) this.given.get(subscriptionId)?.push(event.change);
        }
      }
    };
    for (const change of memberships) {
      const { subscriptionId } = change;
      if (change.kind === 'forget') {
        this.known.delete(subscriptionId);
        this.given.delete(subscriptionId);
        continue;
      }
      giveUntil(change.afterEvent);
      const last = this.known.get(subscriptionId)?.last;
      if (change.kind === 'leave') {
        if (last !== undefined) this.known.set(subscriptionId, { open: undefined, last });
      } else {
        this.definitions.set(change.groupFingerprint, change.groupDefinition);
        this.known.set(subscriptionId, { open: change.groupFingerprint, last: change.groupFingerprint });
        if (!this.given.has(subscriptionId)) this.given.set(subscriptionId, []);
      }
    }
    giveUntil(events.length);
    for (const { partition } of leases) {
      const part = this.parts[partition]!;
      part.position = position;
      part.ends = this.now() + this.seconds * 1000;
    }
    return leases.map((lease) => ({ ...lease, position }));
  }

  async *groups(partitions: readonly number[]): AsyncIterable<readonly StandingGroup[]> {
    const open = [...this.known.values()].flatMap((member) => member.open ?? []);
    const groups = Map.groupBy(open, (fingerprint) => fingerprint);
    yield [...groups]
      .filter(([fingerprint]) => partitions.includes(partitionOf(fingerprint)))
      .map(([fingerprint, { length }]) => ({
        fingerprint,
        definition: this.definitions.get(fingerprint)!,
        subscribers: length,
      }));
  }

  members(subscriptionIds: readonly string[]): Promise<ReadonlyMap<string, KnownMember>> {
    return Promise.resolve(
      new Map(
        subscriptionIds.flatMap((id) => {
          const member = this.known.get(id);
          return member === undefined ? [] : [[id, member] as const];
        }),
      ),
    );
  }
}
