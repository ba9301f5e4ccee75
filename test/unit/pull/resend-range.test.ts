import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { keptRange, parseRange } from '../../../src/pull/resend-range.js';
import type { Segment } from '../../../src/subscriptions/segments.js';

/** Ten events in one group, of which `gone` are no longer kept, then five in another that goes on, of which `goneLater` are not. */
const standing = (gone: number, goneLater = 0) => {
  const segments: Segment[] = [
    { groupId: 1, afterN: 100, untilN: 110, firstNumber: 1, goneN: 100 + gone },
    { groupId: 2, afterN: 50, firstNumber: 11, goneN: 50 + goneLater },
  ];
  return { segments, groupLastN: 55 };
};
const range = (since?: string, until?: string) => parseRange({ sinceNumber: since, untilNumber: until });

describe('the part of a range that can be sent again', () => {
  test.each([
    ['all', range(), standing(0), { first: 1, last: 15, count: 15, missing: undefined }],
    ['to the end', range('12', '9223372036854775807'), standing(0), { first: 12, last: 15, count: 4, missing: undefined }],
    [
      'without what is gone',
      range(),
      standing(3),
      { first: 4, last: 15, count: 12, missing: 'Events 1 to 3 are no longer kept' },
    ],
    ['one gone', range('1', '4'), standing(1), { first: 2, last: 4, count: 3, missing: 'Event 1 is no longer kept' }],
    ['behind what is gone', range('5', '6'), standing(3), { first: 5, last: 6, count: 2, missing: undefined }],
    ['around a gap', range('9'), standing(0, 2), { first: 9, last: 15, count: 5, missing: 'Events 11 to 12 are no longer kept' }],
  ])('%s', (_what, asked, at, kept) => expect(keptRange(asked, at, undefined)).toEqual(kept));

  test('of a period asked for, as well', () => {
    const asked = parseRange({ sinceNumber: '2', sinceInstant: '2026-01-01T00:00:00Z' });
    expect(keptRange(asked, standing(0), { first: 1, last: 8 })).toMatchObject({ first: 2, last: 8 });
    expect(() => keptRange(asked, standing(0), undefined)).toThrow('No event that is still kept');
  });

  test('nothing', () => {
    expect(() => keptRange(range('16'), standing(0), undefined)).toThrow('There is no event 16 yet; the newest has number 15');
    expect(() => keptRange(range('1', '3'), standing(3), undefined)).toThrow('Events 1 to 3 are no longer kept');
    expect(() => keptRange(range(), undefined, undefined)).toThrow('There is no event 1 yet');
  });

  test('counts what is there and names what is not, whatever is asked', () =>
    fc.assert(
      fc.property(
        fc.nat(10),
        fc.nat(5),
        fc.integer({ min: 1, max: 15 }),
        fc.integer({ min: 1, max: 15 }),
        (gone, later, a, b) => {
          const [since, until] = [Math.min(a, b), Math.max(a, b)];
          const there = Array.from({ length: 15 }, (_, index) => index + 1).filter((n) => (n <= 10 ? n > gone : n - 10 > later));
          const wanted = there.filter((n) => n >= since && n <= until);
          const ask = () => keptRange(range(String(since), String(until)), standing(gone, later), undefined);
          if (wanted.length === 0) return expect(ask).toThrow(/no longer kept/);
          const kept = ask();
          expect([kept.first, kept.last, kept.count]).toEqual([wanted[0], wanted.at(-1), wanted.length]);
          expect(kept.missing === undefined).toBe(wanted.length === until - since + 1);
        },
      ),
    ));
});
