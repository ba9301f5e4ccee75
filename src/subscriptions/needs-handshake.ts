import type { SubscriptionDefinition } from './subscription-definition.js';

/** Only a topic's rest-hook has to prove itself; classic Subscriptions and sockets, which the client itself opens, are active at once. */
export function needsHandshake({ subject, channel }: SubscriptionDefinition): boolean {
  return subject.kind === 'topic' && channel.type === 'rest-hook';
}
