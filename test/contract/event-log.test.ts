import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Change } from '../../src/fhir/change.js';
import type { Database } from '../../src/storage/database.js';
import { PostgresEventLog } from '../../src/storage/event-log.js';
import type { EventLog, GroupEvent } from '../../src/subscriptions/event-log.js';
import { ChangeMaker } from '../support/changes.js';
import { type OpenClone, openClone } from '../support/open-clone.js';
import { insertChanges } from '../support/insert-changes.js';

/** The log that notifications and `$events` are read from, judged by plain lists. */

let clone: OpenClone;
let database: Database;
let log: EventLog;

/** Events of each group, n = 1, 2, 3 …; the same change may be an event of several. */
const groups = new Map<number, Change[]>();
const LARGE = 5 * 1024 * 1024;

beforeAll(async () => {
  clone = await openClone();
  database = clone.database;
  log = new PostgresEventLog(database);
  const maker = new ChangeMaker();
  const small = Array.from({ length: 20 }, (_, n) => maker.put({ resourceType: 'Patient', id: `p${n % 7}`, n }));
  const removed = maker.remove('Patient', 'p0');
  const large = Array.from({ length: 4 }, () => maker.put({ resourceType: 'Binary', id: 'b', data: 'x'.repeat(LARGE) }));
  await insertChanges(database, [...small, removed, ...large]);
  groups.set(1, [...small, removed]);
  groups.set(
    2,
    small.filter((_, n) => n % 3 === 0),
  );
  groups.set(3, []);
  groups.set(4, large);
  for (const [groupId, changes] of groups) {
    const text = `INSERT INTO filter_group (group_id, fingerprint, definition, last_n) OVERRIDING SYSTEM VALUE VALUES ($1, $2, '{}', $3)`;
    await database.run({ text }, [groupId, Buffer.from([groupId]), changes.length]);
    for (const [index, { position }] of changes.entries()) {
      const event = 'INSERT INTO group_event (group_id, n, epoch, xid, seq) VALUES ($1, $2, $3, $4, $5)';
      await database.run({ text: event }, [groupId, index + 1, position.epoch, position.xid, position.seq]);
    }
  }
});
afterAll(async () => {
  await clone?.drop();
});

const told = ({ groupId, n, focus }: GroupEvent) => [groupId, n, focus.type, focus.id, focus.version, focus.body];
const expected = (groupId: number, afterN: number, untilN: number, limit: number) =>
  (groups.get(groupId) ?? [])
    .map(({ type, id, version, body }, index) => [groupId, index + 1, type, id, version, body])
    .slice(afterN, Math.max(afterN, untilN))
    .slice(0, limit);

describe('events', () => {
  test('any ranges of any groups are read as they are, in order, at most so many of each', async () => {
    const range = fc.record({ groupId: fc.constantFrom(1, 2, 3, 9), afterN: fc.nat(25), untilN: fc.nat(25) });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(range, { maxLength: 4, selector: ({ groupId }) => groupId }),
        fc.integer({ min: 1, max: 30 }),
        async (ranges, limit) => {
          const sorted = [...ranges].sort((a, b) => a.groupId - b.groupId);
          const all = sorted.flatMap(({ groupId, afterN, untilN }) => expected(groupId, afterN, untilN, limit));
          expect((await log.read(ranges, limit)).map(told)).toEqual(all);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('large bodies come a few at a time, never none, and going on from the last one reads them all', async () => {
    const read: number[] = [];
    for (let afterN = 0; afterN < 4; afterN = read.at(-1)!) {
      const events = await log.read([{ groupId: 4, afterN, untilN: 4 }], 100);
      expect(events.length).toBeGreaterThan(0);
      expect(events.length).toBeLessThan(4);
      read.push(...events.map(({ n }) => n));
    }
    expect(read).toEqual([1, 2, 3, 4]);
  });

  test('a deleted resource is an event without a body', async () => {
    const [event] = await log.read([{ groupId: 1, afterN: 20, untilN: 21 }], 1);
    expect(event!.focus).toMatchObject({ type: 'Patient', id: 'p0', interaction: 'delete', method: 'DELETE', body: null });
  });
});

test('news tell how far groups have come, with what lies behind the place asked for; groups that are none are left out', async () => {
  const news = await log.news(
    [1, 2, 3, 9].map((groupId) => ({ groupId, afterN: 5 })),
    3,
  );
  const byGroup = [...news].sort((a, b) => a.groupId - b.groupId);
  expect(byGroup.map(({ groupId, lastN }) => [groupId, lastN])).toEqual([
    [1, 21],
    [2, 7],
    [3, 0],
  ]);
  for (const { groupId, events } of byGroup) expect(events.map(told)).toEqual(expected(groupId, 5, Infinity, 3));
});

test('standings: the segments in order, open or closed, and where the group of the open one stands', async () => {
  const segments: [string, number, number, number, number | null, number][] = [
    ['moved', 1, 1, 0, 4, 1],
    ['moved', 2, 2, 3, null, 5],
    ['off', 1, 1, 2, 5, 1],
  ];
  const text =
    'INSERT INTO subscription_segment (subscription_id, ordinal, group_id, after_n, until_n, first_number) VALUES ($1, $2, $3, $4, $5, $6)';
  for (const segment of segments) await database.run({ text }, segment);
  expect(await log.standings(['off', 'unknown', 'moved'])).toEqual(
    expect.arrayContaining([
      {
        subscriptionId: 'moved',
        groupLastN: 7,
        segments: [
          { groupId: 1, afterN: 0, untilN: 4, firstNumber: 1 },
          { groupId: 2, afterN: 3, firstNumber: 5 },
        ],
      },
      { subscriptionId: 'off', groupLastN: 0, segments: [{ groupId: 1, afterN: 2, untilN: 5, firstNumber: 1 }] },
    ]),
  );
  expect(await log.standings([])).toEqual([]);
});
