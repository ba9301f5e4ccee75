import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { latestNumber, laterSegments, openSegment, type Segment, stretchesOf } from '../../../src/subscriptions/segments.js';

/** Segments as joining and leaving make them: numbers go on, groups and places differ. */
const histories = fc
  .array(fc.record({ gap: fc.nat(5), length: fc.nat(6), groupId: fc.integer({ min: 1, max: 3 }) }), {
    minLength: 1,
    maxLength: 6,
  })
  .chain((stays) => fc.boolean().map((open) => ({ stays, open })));

function build({ stays, open }: { stays: { gap: number; length: number; groupId: number }[]; open: boolean }) {
  const segments: Segment[] = [];
  let number = 1;
  let n = 0;
  let lastN = 0;
  stays.forEach(({ gap, length, groupId }, index) => {
    const afterN = n + gap;
    n = lastN = afterN + length;
    const isOpen = open && index === stays.length - 1;
    segments.push({ groupId, afterN, firstNumber: number, ...(isOpen ? {} : { untilN: n }) });
    number += length;
  });
  return { segments, lastN, latest: number - 1 };
}

test('every number up to the newest lies in exactly one place, in order, and none beyond it', () => {
  fc.assert(
    fc.property(
      histories,
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 0, max: 40 }),
      fc.integer({ min: 1, max: 10 }),
      (history, first, more, limit) => {
        const { segments, lastN, latest } = build(history);
        expect(latestNumber(segments, lastN)).toBe(latest);
        const last = first + more;
        const stretches = stretchesOf(segments, { first, last }, lastN, limit);
        const numbers = stretches.flatMap(({ firstNumber, afterN, untilN }) =>
          Array.from({ length: untilN - afterN }, (_, index) => firstNumber + index),
        );
        const expected = Array.from(
          { length: Math.max(0, Math.min(last, latest) - first + 1) },
          (_, index) => first + index,
        ).slice(0, limit);
        expect(numbers).toEqual(expected);
      },
    ),
  );
});

test('of two readings the later one is known, whichever comes first', () => {
  fc.assert(
    fc.property(histories, (history) => {
      const { segments } = build({ ...history, open: false });
      const before = segments.slice(0, -1);
      const open = [...before, { ...segments.at(-1)!, untilN: undefined }];
      for (const [old, now] of [
        [before, open],
        [open, segments],
        [before, segments],
      ] as const) {
        expect(laterSegments(old, now)).toBe(now);
        expect(laterSegments(now, old)).toBe(now);
      }
      expect(openSegment(segments)).toBeUndefined();
      expect(openSegment(open)).toEqual(open.at(-1));
    }),
  );
});

test('numbers of events that are no longer kept lie nowhere, and those of all others stay what they were', () => {
  fc.assert(
    fc.property(histories, fc.nat(60), fc.integer({ min: 1, max: 10 }), (history, goneN, limit) => {
      const { segments, lastN, latest } = build(history);
      const whole = stretchesOf(segments, { first: 1, last: latest }, lastN).flatMap(placesOf);
      const kept = whole.filter(({ n }) => n > goneN);
      const aged = segments.map((segment) => ({ ...segment, goneN }));
      expect(stretchesOf(aged, { first: 1, last: latest }, lastN).flatMap(placesOf)).toEqual(kept);
      expect(stretchesOf(aged, { first: 1, last: latest }, lastN, limit).flatMap(placesOf)).toEqual(kept.slice(0, limit));
      expect(latestNumber(aged, lastN)).toBe(latest);
      expect(laterSegments(segments, aged)).toBe(goneN > 0 || segments.at(-1)!.untilN !== undefined ? aged : segments);
    }),
  );
});

function placesOf({ groupId, afterN, untilN, firstNumber }: ReturnType<typeof stretchesOf>[number]) {
  return Array.from({ length: untilN - afterN }, (_, index) => ({ groupId, n: afterN + index + 1, number: firstNumber + index }));
}
