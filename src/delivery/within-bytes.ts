import type { NotificationSubject } from '../fhir/notification-bundle.js';
import type { OwedEvent } from './push-channel.js';

/**
 * The first of these events that fit into one notification of so many bytes (beside its status, which is some hundred). The first one
 * always goes, however large it is; what does not fit is sent next.
 */
export function withinBytes(events: readonly OwedEvent[], subject: NotificationSubject, bytes: number): readonly OwedEvent[] {
  let size = 0;
  for (let index = 0; index < events.length && events.length > 1; index += 1) {
    size += sizeOf(events[index]!, subject);
    if (size > bytes) return events.slice(0, Math.max(1, index));
  }
  return events;
}

/** What {@link withinBytes} makes of all of them. */
export function bytesOf(events: readonly OwedEvent[], subject: NotificationSubject): number {
  return events.reduce((size, event) => size + sizeOf(event, subject), 0);
}

function sizeOf({ parts }: OwedEvent, { face, base, level }: NotificationSubject): number {
  const { detail, entries } = parts.of(face, base, level);
  return entries.reduce((size, { text }) => size + Buffer.byteLength(text), Buffer.byteLength(detail));
}
