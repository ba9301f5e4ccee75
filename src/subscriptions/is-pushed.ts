import type { SubscriptionDefinition } from './subscription-definition.js';

/** Whether the hub goes to the subscriber; to those of sockets, the subscriber comes. */
export function isPushed({ channel }: { channel: Pick<SubscriptionDefinition['channel'], 'type'> }): boolean {
  return channel.type !== 'websocket' && channel.type !== 'live';
}
