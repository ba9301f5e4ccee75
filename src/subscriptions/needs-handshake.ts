import { isPushed } from './is-pushed.js';
import type { SubscriptionDefinition } from './subscription-definition.js';

/** Where a topic's notifications are pushed has to prove itself; classic Subscriptions and sockets, which the client opens, are active at once. */
export function needsHandshake({ subject, channel }: SubscriptionDefinition): boolean {
  return subject.kind === 'topic' && isPushed({ channel });
}
