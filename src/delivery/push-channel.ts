import type { NotificationFault, NotificationSubject, NumberedEvent } from '../fhir/notification-bundle.js';
import type { GroupEvent } from '../subscriptions/event-log.js';
import type { ChannelType, SubscriptionDefinition } from '../subscriptions/subscription-definition.js';
import type { AttemptResult } from './attempt-result.js';

/** An event under the number it has for one subscription. */
export interface OwedEvent extends NumberedEvent {
  event: GroupEvent;
}

/** One thing to send. */
export interface Push {
  definition: SubscriptionDefinition;
  subject: NotificationSubject;
  kind: 'handshake' | 'heartbeat' | 'event-notification';
  /** Newest number; of an event-notification the number of its last event. */
  total: number;
  events: readonly OwedEvent[];
  /** The events were sent or set aside before and are sent again for this request. */
  replay?: number;
  faults: readonly NotificationFault[];
  timeoutMs: number;
  signal: AbortSignal;
}

export interface PushOutcome {
  result: AttemptResult;
  httpStatus?: number;
  milliseconds: number;
  /** Beginning of what the endpoint answered. */
  excerpt?: string;
}

/** A way to push notifications. To add one: implement this in `channels/` and list it in the module. */
export abstract class PushChannel {
  abstract readonly type: ChannelType;
  /** Subscriptions with the same one share a bound on attempts under way. */
  host({ channel }: SubscriptionDefinition): string {
    return URL.parse(channel.endpoint ?? '')?.origin ?? '';
  }
  /**
   * Most events that go out together. One a notification is safest for receivers that never thought of more, so more only where they were
   * asked for.
   */
  most({ subject, channel }: SubscriptionDefinition): number {
    return subject.kind === 'classic' ? 1 : (channel.maxCount ?? 1);
  }
  /** Never throws for what an endpoint does. */
  abstract send(push: Push): Promise<PushOutcome>;
  /** Lets go of connections it holds; nothing is sent any more. */
  close(): void {}
}
