import type { NotificationType } from '../../fhir/notification-bundle.js';

/**
 * What goes to a socket. `text` is the notification Bundle; classic sockets are only told that there is something. One frame goes to all
 * sockets of a subscription that are at the same place, so whoever turns it into bytes may keep them by it.
 */
export interface Frame {
  readonly subscriptionId: string;
  readonly classic: boolean;
  readonly type: Exclude<NotificationType, 'query-status' | 'query-event'>;
  /** Numbers of the events in it; both 0 where it holds none. */
  readonly first: number;
  readonly last: number;
  readonly total: number;
  readonly text: string;
}

/** One end of a socket, as the feeds see it. */
export abstract class FeedSink {
  /** Bytes handed to the socket that have not left yet. */
  abstract readonly backlog: number;
  abstract send(frame: Frame): void;
  /** It does not keep up: closed with a reason; the client comes back and goes on where it was. */
  abstract tooSlow(): void;
  /** A subscription it was bound to is no more. */
  abstract ended(subscriptionId: string): void;
}
