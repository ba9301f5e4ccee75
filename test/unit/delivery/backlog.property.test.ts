import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { backlogOf, type Owing } from '../../../src/delivery/backlog.js';
import type { Segment } from '../../../src/subscriptions/segments.js';

const CHANNELS = ['rest-hook', 'message', 'email'];
const GROUPS = 4;

/** Segments as matching makes them: numbers without a gap, the last one open or not; with the place in its group of each number. */
const standing = fc
  .array(fc.record({ groupId: fc.integer({ min: 1, max: GROUPS }), skip: fc.nat(5), length: fc.nat(5) }), {
    minLength: 1,
    maxLength: 4,
  })
  .chain((parts) =>
    fc.record({
      parts: fc.constant(parts),
      isOpen: fc.boolean(),
      acknowledged: fc.nat(20),
      channel: fc.constantFrom(...CHANNELS),
    }),
  )
  .map(({ parts, isOpen, acknowledged, channel }) => {
    const segments: Segment[] = [];
    const places: { groupId: number; n: number }[] = [];
    const ends = new Map<number, number>();
    for (const [index, { groupId, skip, length }] of parts.entries()) {
      const afterN = (ends.get(groupId) ?? 0) + skip;
      const last = index === parts.length - 1 && isOpen;
      segments.push({ groupId, afterN, ...(last ? {} : { untilN: afterN + length }), firstNumber: places.length + 1 });
      if (!last) for (let n = afterN + 1; n <= afterN + length; n++) places.push({ groupId, n });
      ends.set(groupId, afterN + length);
    }
    return { owing: { channel, segments, acknowledged } satisfies Owing, places, open: isOpen ? segments.at(-1) : undefined };
  });

test('what is owed is what a count event by event finds, and its oldest is among the places', () => {
  fc.assert(
    fc.property(
      fc.array(standing, { maxLength: 12 }),
      fc.array(fc.nat(60), { minLength: GROUPS, maxLength: GROUPS }),
      (all, lastNs) => {
        const lastN = (groupId: number) => lastNs[groupId - 1];
        const events = new Map<string, number>();
        const subscriptions = new Map<string, number>();
        const firsts = new Map<string, number>();
        for (const { owing, places, open } of all) {
          const numbered = [...places];
          if (open) for (let n = open.afterN + 1; n <= lastN(open.groupId)!; n++) numbered.push({ groupId: open.groupId, n });
          const owed = numbered.slice(owing.acknowledged);
          if (owed.length === 0) continue;
          events.set(owing.channel, (events.get(owing.channel) ?? 0) + owed.length);
          subscriptions.set(owing.channel, (subscriptions.get(owing.channel) ?? 0) + 1);
          const key = `${owing.channel} ${owed[0]!.groupId}`;
          firsts.set(key, Math.min(owed[0]!.n, firsts.get(key) ?? Infinity));
        }
        const found = backlogOf(
          all.map(({ owing }) => owing),
          lastN,
        );
        expect(new Map(found.owed.map((owed) => [owed.channel, owed.events]))).toEqual(events);
        expect(new Map(found.owed.map((owed) => [owed.channel, owed.subscriptions]))).toEqual(subscriptions);
        expect(new Map(found.places.map(({ channel, groupId, n }) => [`${channel} ${groupId}`, n]))).toEqual(firsts);
      },
    ),
  );
});

test('of very many groups the places of those with the longest rows are asked for', () => {
  const all = Array.from({ length: 3000 }, (_, index): Owing => ({
    channel: 'rest-hook',
    segments: [{ groupId: index + 1, afterN: 0, firstNumber: 1 }],
    acknowledged: 0,
  }));
  const { owed, places } = backlogOf(all, (groupId) => groupId);
  expect(owed).toEqual([{ channel: 'rest-hook', subscriptions: 3000, events: (3000 * 3001) / 2 }]);
  expect(places).toHaveLength(1000);
  expect(Math.min(...places.map(({ groupId }) => groupId))).toBe(2001);
});
