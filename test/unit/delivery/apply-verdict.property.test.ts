import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { applyVerdict } from '../../../src/delivery/apply-verdict.js';
import type { Line } from '../../../src/delivery/line.js';
import type { Push } from '../../../src/delivery/push-channel.js';

const line = (): Line => ({ id: 's', acknowledged: 0, limit: Number.MAX_SAFE_INTEGER, failures: 0 }) as Line;
const push = (first: number, count: number): Push =>
  ({
    kind: 'event-notification',
    events: Array.from({ length: count }, (_, index) => ({ number: first + index })),
  }) as unknown as Push;

test('one event that an endpoint refuses is alone after at most log2 of the batch refused bundles, wherever it is', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 128 }), fc.nat(), (owed, batch, at) => {
      const poison = 1 + (at % owed);
      const one = line();
      let refusals = 0;
      for (let tries = 0; ; tries += 1) {
        expect(tries).toBeLessThan(2 * owed + 2);
        const first = one.acknowledged + 1;
        const sent = push(first, Math.min(one.limit, batch, owed - one.acknowledged));
        const last = sent.events.at(-1)!.number;
        if (poison < first || poison > last) applyVerdict(one, sent, undefined, { kind: 'served', park: false }, 0);
        else if (sent.events.length === 1) break;
        else {
          refusals += 1;
          applyVerdict(one, sent, undefined, { kind: 'halve', by: 'events' }, 0);
        }
      }
      expect(refusals).toBeLessThanOrEqual(Math.ceil(Math.log2(batch)));
      expect(one.acknowledged).toBe(poison - 1);
    }),
  );
});

test('once the events are past among which the one at fault was, bundles grow again', () => {
  const one = line();
  applyVerdict(one, push(1, 8), undefined, { kind: 'halve', by: 'events' }, 0);
  expect(one).toMatchObject({ limit: 4, suspect: 8 });
  applyVerdict(one, push(1, 4), undefined, { kind: 'served', park: false }, 0);
  expect(one).toMatchObject({ limit: 2, suspect: 8 });
  applyVerdict(one, push(5, 4), undefined, { kind: 'served', park: false }, 0);
  expect(one).toMatchObject({ limit: 4, suspect: undefined });
});
