import type { Push } from './push-channel.js';

/** The same for every try to send the same events, so that a receiver knows a repetition. */
export function notificationId({
  definition,
  kind,
  events,
  total,
}: Pick<Push, 'definition' | 'kind' | 'events' | 'total'>): string {
  const first = events[0]?.number;
  if (first === undefined) return `${definition.id}.${kind}.${total}`;
  return `${definition.id}.${first}-${events.at(-1)!.number}`;
}
