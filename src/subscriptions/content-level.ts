import type { ContentLevel, SubscriptionDefinition } from './subscription-definition.js';

/**
 * How much a subscriber may be told. A classic Subscription gets the resource where it names a payload; without one a hook or a socket
 * only learns that something happened, and the live feed also what (its clients read the rest, as all classic ones do).
 */
export function levelOf({ subject, channel }: SubscriptionDefinition): ContentLevel {
  if (subject.kind === 'topic') return channel.content ?? 'empty';
  if (channel.payload !== undefined) return 'full-resource';
  return channel.type === 'live' ? 'id-only' : 'empty';
}
