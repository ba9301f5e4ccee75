import type { Change } from '../../fhir/change.js';
import type { NotificationSubject } from '../../fhir/notification-bundle.js';
import type { Segment } from '../../subscriptions/segments.js';
import type { SubscriptionDefinition } from '../../subscriptions/subscription-definition.js';
import type { FeedSink, Frame } from './feed-sink.js';

/** A subscription that sockets of this process listen to. */
export interface Feed {
  readonly id: string;
  /** Of its cursor: differs where the Subscription was deleted and made again. */
  readonly life: number;
  resource: Change;
  definition: SubscriptionDefinition;
  subject: NotificationSubject;
  segments: readonly Segment[];
  /** Number of the last event that is known to have arrived. */
  acknowledged: number;
  groupId?: number;
  readonly bindings: Set<Binding>;
  /** Several sockets of one subscription get the same text. */
  lastFrame?: Frame;
}

/** A socket's place in the log of one subscription. */
export interface Binding {
  readonly feed: Feed;
  readonly sink: FeedSink;
  /** Number of the last event that was handed to the socket. */
  position: number;
  /** Number of the newest event when it was bound: what is sent up to here was missed, and did not happen just now. */
  readonly boundAt: number;
  /** Ranges that are to be sent again, first things first. */
  readonly again: { next: number; readonly last: number }[];
  sentAt: number;
  /** Events are being read for it. */
  busy: boolean;
  /** Since when its socket has been over the budget. */
  slowSince?: number;
  ended: boolean;
}

/** Whether events go out at the moment. */
export function isOpen({ definition }: Feed): boolean {
  return definition.status === 'active' || definition.status === 'error';
}
