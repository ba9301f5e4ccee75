import type { SubscriptionDefinition } from './subscription-definition.js';

/** Whether the hub goes to the subscriber; to those of sockets, the subscriber comes. */
export function isPushed({ channel }: Pick<SubscriptionDefinition, 'channel'>): boolean {
  return channel.type !== 'websocket' && channel.type !== 'live';
}
