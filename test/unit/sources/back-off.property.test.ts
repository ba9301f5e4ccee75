import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { backOffMilliseconds } from '../../../src/sources/back-off.js';

const failures = fc.integer({ min: 1, max: 10_000 });
const interval = fc.integer({ min: 1, max: 86_400 });
const random = fc.double({ min: 0, max: 0.999, noNaN: true });

test('no wait is shorter than the one before it, given the same luck', () => {
  fc.assert(
    fc.property(failures, interval, random, (n, seconds, luck) =>
      expect(backOffMilliseconds(n + 1, seconds, luck)).toBeGreaterThanOrEqual(backOffMilliseconds(n, seconds, luck)),
    ),
  );
});

test('waits at least half a second, at most five minutes or the interval, and never less than the source asked for, up to a day', () => {
  fc.assert(
    fc.property(failures, interval, random, fc.integer({ min: 0, max: 10 ** 12 }), (n, seconds, luck, asked) => {
      const wait = backOffMilliseconds(n, seconds, luck, asked);
      expect(wait).toBeGreaterThanOrEqual(Math.max(500, Math.min(asked, 86_400_000)));
      expect(wait).toBeLessThanOrEqual(Math.max(300_000, seconds * 1_000, Math.min(asked, 86_400_000)));
    }),
  );
});
