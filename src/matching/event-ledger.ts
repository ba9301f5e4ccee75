import type { Face, LogPosition } from '../fhir/change.js';

/** The right to match, for a while. */
export interface MatchingLease {
  token: string;
  position: LogPosition;
  batch: bigint;
}

/** A subscription enters, leaves or changes its group: written at the exact place of its Subscription's change in the log. */
export type MembershipChange =
  | { kind: 'join'; subscriptionId: string; face: Face; groupFingerprint: string; groupDefinition: string; afterEvent: number }
  | { kind: 'leave'; subscriptionId: string; afterEvent: number }
  | { kind: 'forget'; subscriptionId: string };

export interface MatchedEvent {
  groupFingerprint: string;
  change: LogPosition;
  /** Of a coded event, which may be about an older version. */
  happenedAt?: Date;
}

/** What one batch of changes comes to. */
export interface MatchedBatch {
  lease: MatchingLease;
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

/** Which group's events a subscription takes at the position matching stands at. */
export interface Membership {
  subscriptionId: string;
  groupFingerprint: string;
}

/** The numbered log as matching writes it: groups' counters, events, segments and the position, in one transaction. */
export abstract class EventLedger {
  /** All subscriptions that take events, as of the leased position; to be compared with their Subscriptions at start. */
  abstract memberships(): AsyncIterable<readonly Membership[]>;
  /** Takes or renews the right to match; undefined while another process holds it. */
  abstract lease(process: string, seconds: number): Promise<MatchingLease | undefined>;
  abstract release(process: string): Promise<void>;
  /**
   * Commits the batch and renews the lease for as long as it was taken for. Returns the lease moved on.
   * @throws LeaseLost when the token is no longer the current one: nothing was written
   */
  abstract commit(batch: MatchedBatch): Promise<MatchingLease>;
}

export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}
