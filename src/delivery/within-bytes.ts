import type { NotificationSubject } from '../fhir/notification-bundle.js';
import type { OwedEvent } from './push-channel.js';

/**
 * The first of these events that fit into one notification of so many bytes (beside its status, which is some hundred). The first one
 * always goes, however large it is; what does not fit is sent next.
 */
export function withinBytes(events: readonly OwedEvent[], subject: NotificationSubject, bytes: number): readonly OwedEvent[] {
  let size = 0;
  for (let index = 0; index < events.length && events.length > 1; index += 1) {
    const { detail, entries } = events[index]!.parts.of(subject.face, subject.base, subject.level);
    size += Buffer.byteLength(detail);
    for (const { text } of entries) size += Buffer.byteLength(text);
    if (size > bytes) return events.slice(0, Math.max(1, index));
  }
  return events;
}
