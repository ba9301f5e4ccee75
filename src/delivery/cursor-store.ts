import type { Change } from '../fhir/change.js';
import type { Standing } from '../subscriptions/event-log.js';

/** A subscription as delivery takes it up: how far it was served, where its events lie, its resource as it stands now. */
export interface ServedSubscription {
  shard: number;
  /** Differs where a Subscription was deleted and made again under its id. */
  life: number;
  acknowledged: number;
  failures: number;
  /** Milliseconds from now until it wants to be looked at again; negative when that is past. */
  dueInMs?: number;
  /** Version of the Subscription whose endpoint took the handshake. */
  verifiedVersion?: number;
  lastError?: string;
  /** Milliseconds since something was last sent. */
  sentAgoMs?: number;
  standing: Standing;
  resource: Change;
}

/** What is to be kept of a subscription's cursor. */
export interface CursorUpdate {
  subscriptionId: string;
  life: number;
  shard: number;
  acknowledged: number;
  failures: number;
  /** Milliseconds from now until it is to be looked at; absent: not before something happens. */
  dueInMs?: number;
  verifiedVersion?: number;
  lastError?: string;
  sent: boolean;
  /** Whether its events are sent by whoever holds the lease, not over sockets. */
  pushed: boolean;
}

/** All events of a subscription up to this number have arrived, in this life of it. */
export interface Arrived {
  life: number;
  number: number;
}

export interface GroupMembers {
  groupId: number;
  lastN: number;
  subscriptionIds: readonly string[];
}

/** The right to serve a shard: its fencing token. */
export type ShardTokens = ReadonlyMap<number, string>;

/** Cursors: what each subscription was sent. */
export abstract class CursorStore {
  /** Those of the given subscriptions that have a cursor, whatever their shard; a deleted one brings the delete as its resource. */
  abstract load(subscriptionIds: readonly string[]): Promise<ServedSubscription[]>;
  /** Subscriptions of these shards that may want something: events owed, an attempt due, a Subscription that nobody has settled. */
  abstract unsettled(shards: readonly number[]): Promise<string[]>;
  /** The Subscriptions, of all shards, whose text holds this one. */
  abstract mentioning(text: string): Promise<Change[]>;
  /** Subscriptions of these shards whose time has come. */
  abstract due(shards: readonly number[], limit: number): Promise<string[]>;
  /** Who takes the events of these groups, in these shards. */
  abstract members(groupIds: readonly number[], shards: readonly number[]): Promise<GroupMembers[]>;
  /**
   * Keeps what changed, all in one statement. An acknowledged number never goes back. Updates of a shard whose token is no longer the
   * given one, or of a life that is over, are not written; returned are the ids that were.
   */
  abstract save(updates: readonly CursorUpdate[], tokens: ShardTokens): Promise<Set<string>>;
  /** Moves acknowledged numbers of subscriptions that are served over sockets, by whichever process holds the socket. */
  abstract advance(acknowledged: ReadonlyMap<string, Arrived>): Promise<void>;
}
