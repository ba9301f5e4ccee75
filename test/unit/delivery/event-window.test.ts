import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { EventWindow } from '../../../src/delivery/event-window.js';
import { EventParts } from '../../../src/fhir/event-parts.js';
import { EventLog, type GroupEvent, type GroupNews, type GroupRange } from '../../../src/subscriptions/event-log.js';
import { type Segment, stretchesOf } from '../../../src/subscriptions/segments.js';

/** Groups whose log is only as long as it was let grow. */
class GrowingLog extends EventLog {
  readonly lastN = new Map<number, number>();
  reads = 0;

  standings(): Promise<never[]> {
    return Promise.resolve([]);
  }

  read(ranges: readonly GroupRange[], limit: number): Promise<GroupEvent[]> {
    this.reads += 1;
    return Promise.resolve(
      ranges.flatMap(({ groupId, afterN, untilN }) => {
        const last = Math.min(untilN, this.lastN.get(groupId) ?? 0, afterN + limit);
        return Array.from({ length: Math.max(0, last - afterN) }, (_, index) => event(groupId, afterN + index + 1));
      }),
    );
  }

  async news(groups: readonly { groupId: number; afterN: number }[], limit: number): Promise<GroupNews[]> {
    return Promise.all(
      groups.map(async ({ groupId, afterN }) => ({
        groupId,
        lastN: this.lastN.get(groupId) ?? 0,
        events: await this.read([{ groupId, afterN, untilN: Number.MAX_SAFE_INTEGER }], limit),
        topicsWritten: 0,
        batch: 0,
      })),
    );
  }
}

const known = () => Promise.resolve();

function event(groupId: number, n: number): GroupEvent {
  const focus = {
    type: 'Patient',
    id: `${groupId}-${n}`,
    version: 1,
    interaction: 'create',
    method: 'POST',
    at: new Date(0),
    body: '{}',
  } as const;
  return { groupId, n, focus, parts: new EventParts(focus) };
}

test('whatever the steps of growth, a reader at any place gets the events behind it, in order, none left out', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 8 }),
      fc.nat(2000),
      fc.integer({ min: 1, max: 50 }),
      fc.constantFrom(1, 10_000, 10_000_000),
      async (steps, place, limit, bytes) => {
        const log = new GrowingLog();
        const window = new EventWindow(log, known, bytes);
        window.follow(1, 0);
        let lastN = 0;
        for (const step of steps) {
          lastN += step;
          log.lastN.set(1, lastN);
          await window.advance([1]);
          expect(window.lastN(1)).toBe(lastN);
          const segments: Segment[] = [{ groupId: 1, afterN: 0, firstNumber: 1 }];
          const first = Math.min(place, lastN - 1) + 1;
          const [stretch] = stretchesOf(segments, { first, last: lastN }, lastN, limit);
          const read = await window.read(stretch!, limit);
          expect(read.length).toBeGreaterThan(0);
          expect(read.map(({ n }) => n)).toEqual(Array.from({ length: read.length }, (_, index) => first + index));
          expect(read.at(-1)!.n).toBeLessThanOrEqual(stretch!.untilN);
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('who reads the same new events shares one reading and the text made of them', async () => {
  const log = new GrowingLog();
  const window = new EventWindow(log, known);
  window.follow(1, 0);
  log.lastN.set(1, 3);
  await window.advance([1]);
  const stretch = { groupId: 1, afterN: 0, untilN: 3, firstNumber: 1 };
  const [one, two] = [await window.read(stretch, 3), await window.read(stretch, 3)];
  expect(one[0]!.parts).toBe(two[0]!.parts);
  expect(log.reads).toBe(1);
});

test('those who catch up from the same place share one reading', async () => {
  const log = new GrowingLog();
  log.lastN.set(1, 1000);
  const window = new EventWindow(log, known);
  window.follow(1, 1000);
  const reads = await Promise.all(
    Array.from({ length: 50 }, async () => window.read({ groupId: 1, afterN: 130, untilN: 1000, firstNumber: 131 }, 5)),
  );
  expect(new Set(reads.map((events) => events.map(({ n }) => n).join()))).toEqual(new Set(['131,132,133,134,135']));
  expect(log.reads).toBe(1);
});
