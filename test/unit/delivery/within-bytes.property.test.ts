import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { OwedEvent } from '../../../src/delivery/push-channel.js';
import { withinBytes } from '../../../src/delivery/within-bytes.js';
import { EventParts } from '../../../src/fhir/event-parts.js';
import { notificationSubject, notificationText } from '../../../src/fhir/notification-bundle.js';

const BASE = 'http://hub.example/fhir/r4b';
const subject = notificationSubject({ id: 's', face: 'r4b', base: BASE, topic: 'http://t.example', level: 'full-resource' });

function owed(number: number, size: number, letter: string): OwedEvent {
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

const bytesOf = (events: readonly OwedEvent[]) =>
  Buffer.byteLength(notificationText(subject, { type: 'event-notification', status: 'active', total: 1, events }, new Date(0)));
const empty = bytesOf([]);

test('as many of the first events as fit, in order, one at least; no notification of several is larger', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ size: fc.integer({ min: 0, max: 3000 }), letter: fc.constantFrom('x', 'é', '字') }), {
        minLength: 1,
        maxLength: 20,
      }),
      fc.integer({ min: 1024, max: 20_000 }),
      (sizes, bytes) => {
        const events = sizes.map(({ size, letter }, index) => owed(index + 1, size, letter));
        const chosen = withinBytes(events, subject, bytes);
        expect(chosen).toEqual(events.slice(0, Math.max(1, chosen.length)));
        if (chosen.length > 1) expect(bytesOf(chosen) - empty).toBeLessThanOrEqual(bytes + 40 * chosen.length);
        // One more would have been too many.
        if (chosen.length < events.length) expect(bytesOf(events.slice(0, chosen.length + 1)) - empty).toBeGreaterThan(bytes);
      },
    ),
  );
});
