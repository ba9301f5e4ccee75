import { createHash } from 'node:crypto';
import type { Push } from './push-channel.js';

/**
 * The same for every try to send the same events, so that a receiver knows a repetition, and never that of other events: numbers begin
 * anew where a Subscription was deleted and made again under its id, so the place of the first event in its group's log goes in, too.
 */
export function notificationId({
  definition,
  kind,
  events,
  total,
}: Pick<Push, 'definition' | 'kind' | 'events' | 'total'>): string {
  const [first] = events;
  if (first === undefined) return `${definition.id}.${kind}.${total}`;
  return `${definition.id}.${first.number}-${events.at(-1)!.number}.${markOf(first.event)}`;
}

/** Hashed, as it is nobody's business how many events others had. */
function markOf({ groupId, n }: { groupId: number; n: number }): string {
  return createHash('sha256').update(`${groupId}.${n}`).digest('hex').slice(0, 8);
}
