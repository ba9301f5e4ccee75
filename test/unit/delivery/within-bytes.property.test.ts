import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { OwedEvent } from '../../../src/delivery/push-channel.js';
import { withinBytes } from '../../../src/delivery/within-bytes.js';
import { notificationSubject, notificationText } from '../../../src/fhir/notification-bundle.js';
import { owedEvent } from '../../support/owed-event.js';

const BASE = 'http://hub.example/fhir/r4b';
const subject = notificationSubject({ id: 's', face: 'r4b', base: BASE, topic: 'http://t.example', level: 'full-resource' });

const textBytes = (events: readonly OwedEvent[]) =>
  Buffer.byteLength(notificationText(subject, { type: 'event-notification', status: 'active', total: 1, events }, new Date(0)));
const empty = textBytes([]);

test('as many of the first events as fit, in order, one at least; no notification of several is larger', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ size: fc.integer({ min: 0, max: 3000 }), letter: fc.constantFrom('x', 'é', '字') }), {
        minLength: 1,
        maxLength: 20,
      }),
      fc.integer({ min: 1024, max: 20_000 }),
      (sizes, bytes) => {
        const events = sizes.map(({ size, letter }, index) => owedEvent(index + 1, size, letter));
        const chosen = withinBytes(events, subject, bytes);
        expect(chosen).toEqual(events.slice(0, Math.max(1, chosen.length)));
        if (chosen.length > 1) expect(textBytes(chosen) - empty).toBeLessThanOrEqual(bytes + 40 * chosen.length);
        // One more would have been too many.
        if (chosen.length < events.length) expect(textBytes(events.slice(0, chosen.length + 1)) - empty).toBeGreaterThan(bytes);
      },
    ),
  );
});
