import type { LogPosition } from '../fhir/change.js';

/** The right to match one part of all filter groups, for a while, and the place in the change log that part has come to. */
export interface MatchingLease {
  partition: number;
  token: string;
  position: LogPosition;
}

export interface MatchingShare {
  /** What this process holds now, by partition. */
  held: readonly MatchingLease[];
  /** Processes that match at present, this one included. */
  processes: number;
}

/** A subscription enters, leaves or changes its group: written at the exact place of its Subscription's change in the log. */
export type MembershipChange =
  | { kind: 'join'; subscriptionId: string; groupFingerprint: string; groupDefinition: string; afterEvent: number }
  | { kind: 'leave'; subscriptionId: string; afterEvent: number }
  | { kind: 'forget'; subscriptionId: string };

export interface MatchedEvent {
  groupFingerprint: string;
  change: LogPosition;
  /** Of a coded event, which may be about an older version. */
  happenedAt?: Date;
}

/** What one batch of changes comes to, for some partitions that stand at the same place. */
export interface MatchedBatch {
  leases: readonly MatchingLease[];
  /** New position: that of the last change of the batch. */
  position: LogPosition;
  /** In order; one entry for each (group, change) and for each (group, coded event, focus). A group that nobody ever joined is left out. */
  events: readonly MatchedEvent[];
  /**
   * In order; `afterEvent` is the number of entries of `events` that precede the membership change (so a join does not see them and a
   * leave does).
   */
  memberships: readonly MembershipChange[];
  /** Subscriptions whose resource changed in any way: those who serve them reload them. */
  subscriptionIds: readonly string[];
}

/** What the numbered log knows of a subscription at present. */
export interface KnownMember {
  /** The group whose events it takes, whatever partition that is of; undefined while it takes none. */
  open: string | undefined;
  /** The group of its newest segment. */
  last: string;
}

/** A group that subscriptions take events of. */
export interface StandingGroup {
  fingerprint: string;
  definition: string;
  subscribers: number;
}

/** The numbered log as matching writes it: groups' counters, events, segments and the positions, in one transaction. */
export abstract class EventLedger {
  /** Renews what the process holds, and takes what is free up to its fair share. */
  abstract lease(process: string, seconds: number): Promise<MatchingShare>;
  /** Gives partitions back; without a list all of them, and the process no longer counts among those that match. */
  abstract release(process: string, partitions?: readonly number[]): Promise<void>;
  /** The place each partition has come to, by partition. */
  abstract positions(): Promise<readonly LogPosition[]>;
  /** All groups of some partitions that anybody takes events of, at the places where the partitions stand. */
  abstract groups(partitions: readonly number[]): AsyncIterable<readonly StandingGroup[]>;
  /** Those of the subscriptions that have or had events, or a place for them. */
  abstract members(subscriptionIds: readonly string[]): Promise<ReadonlyMap<string, KnownMember>>;
  /**
   * Commits the batch and renews the leases for as long as they were taken for. Returns the leases moved on.
   * @throws LeaseLost when one of the tokens is no longer the current one, or the batch was committed already: nothing was written
   */
  abstract commit(batch: MatchedBatch): Promise<readonly MatchingLease[]>;
}

export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}
