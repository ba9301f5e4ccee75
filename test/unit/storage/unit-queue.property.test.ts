import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { UnitQueue } from '../../../src/storage/unit-queue.js';

interface Unit {
  n: number;
  keys: string[];
  bytes: number;
}

const key = fc.constantFrom('a', 'b', 'c', 'd');
const step = fc.oneof(
  fc.record({ add: fc.uniqueArray(key, { maxLength: 3 }), bytes: fc.nat(50) }),
  fc.constant('take' as const),
  fc.constant('release' as const),
);

test('units that share a resource are stored in their order, never in two flushes at once, and none is forgotten', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new UnitQueue<Unit>();
      const underWay: Unit[][] = [];
      const lastOf = new Map<string, number>();
      let added = 0;
      let taken = 0;
      const take = () => {
        const flush = queue.take(4, 100);
        taken += flush.length;
        expect(flush.length).toBeLessThanOrEqual(4);
        if (flush.length > 1) expect(flush.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(100);
        const busy = new Set(underWay.flat().flatMap(({ keys }) => keys));
        for (const { keys, n } of flush) {
          for (const each of keys) {
            expect(busy.has(each)).toBe(false);
            expect(n).toBeGreaterThan(lastOf.get(each) ?? -1);
            lastOf.set(each, n);
          }
        }
        if (flush.length > 0) underWay.push(flush);
      };
      for (const each of steps) {
        if (each === 'take') take();
        else if (each === 'release') queue.release(underWay.shift() ?? []);
        else queue.add({ n: added++, keys: each.add, bytes: each.bytes });
      }
      while (queue.size > 0 || underWay.length > 0) {
        queue.release(underWay.shift() ?? []);
        take();
      }
      expect(taken).toBe(added);
    }),
  );
});
