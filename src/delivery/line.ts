import type { Change } from '../fhir/change.js';
import type { NotificationFault, NotificationSubject } from '../fhir/notification-bundle.js';
import type { Segment } from '../subscriptions/segments.js';
import type { Wish } from './attempt-places.js';
import type { LineState } from './next-step.js';
import type { SizeCeiling } from './size-ceiling.js';

/** A subscription that is being served by this process: its cursor as it runs ahead of the table, and what a send needs at hand. */
export interface Line extends LineState {
  readonly id: string;
  /** Of its cursor: differs where the Subscription was deleted and made again. */
  readonly life: number;
  shard: number;
  resource: Change;
  segments: readonly Segment[];
  subject: NotificationSubject;
  host: string;
  /** What rate limits hold for. */
  endpoint: string;
  verifiedVersion?: number;
  fault?: NotificationFault;
  /** Events in the next notification at most: halved while a bundle is refused, grows back with success. */
  limit: number;
  /** What its endpoint said of the size of notifications; of this endpoint alone. */
  ceiling?: SizeCeiling;
  /** Last number of the smallest bundle that was refused: one of the events up to here is at fault. */
  suspect?: number;
  /** An event that was refused again and again: the one after it is tried, to see which of the two is at fault. */
  trying?: { over: number; reason: string };
  /** Something is under way; whoever wants to be served next has to wait. */
  busy: boolean;
  /** It waits for its endpoint's turn or for a place. */
  wish?: Wish;
  /** Taken out of service: what is under way must not go on. */
  dropped: boolean;
  /** The Subscription was changed meanwhile and is to be read again. */
  stale: boolean;
  abort: AbortController;
  timer?: NodeJS.Timeout;
}

/** Nothing stands between it and its events; what the table says of its Subscription is then brought up to date. */
export function isSettled(line: Line): boolean {
  return line.definition.status === 'off' || line.verified;
}
