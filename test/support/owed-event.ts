import type { OwedEvent } from '../../src/delivery/push-channel.js';
import { EventParts } from '../../src/fhir/event-parts.js';

/** An event about a resource whose text holds `letter` so many times. */
export function owedEvent(number: number, size: number, letter = 'x'): OwedEvent {
  const body = JSON.stringify({ resourceType: 'Basic', id: `b${number}`, code: { text: letter.repeat(size) } });
  const focus = {
    type: 'Basic',
    id: `b${number}`,
    version: 1,
    interaction: 'create',
    method: 'POST',
    at: new Date(0),
    body,
  } as const;
  const parts = new EventParts(focus);
  return { number, parts, event: { groupId: 1, n: number, focus, parts } };
}
