import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Attempt } from '../../src/delivery/attempt-log.js';
import { PostgresAttemptLog } from '../../src/storage/attempt-log.js';
import type { Database } from '../../src/storage/database.js';
import { PostgresDeliveryRecord } from '../../src/storage/delivery-record.js';
import { PostgresRetention } from '../../src/storage/retention.js';
import { type OpenClone, openClone } from '../support/open-clone.js';

/** Days are not waited for: partitions of days past are made here as the chore once made them. */
let clone: OpenClone;
let database: Database;
let log: PostgresAttemptLog;
let record: PostgresDeliveryRecord;
let retention: PostgresRetention;

beforeAll(async () => {
  clone = await openClone();
  database = clone.database;
  log = new PostgresAttemptLog(database);
  record = new PostgresDeliveryRecord(database);
  retention = new PostgresRetention(database);
});
afterAll(async () => {
  await clone?.drop();
});

const DAY_MS = 24 * 3600 * 1000;
const dayOf = (daysAgo: number) => new Date(Date.now() - daysAgo * DAY_MS).toISOString().slice(0, 10);
const nameOf = (daysAgo: number) => `attempt_${dayOf(daysAgo).replaceAll('-', '_')}`;

const tried = (subscriptionId: string, daysAgo: number, more: Partial<Attempt> = {}): Attempt => ({
  at: new Date(`${dayOf(daysAgo)}T12:00:00Z`),
  subscriptionId,
  kind: 'heartbeat',
  outcome: 'accepted',
  milliseconds: 1,
  ...more,
});

const makePartition = (daysAgo: number) =>
  database.run({
    text: `CREATE TABLE ${nameOf(daysAgo)} PARTITION OF attempt FOR VALUES FROM ('${dayOf(daysAgo)} 00:00Z') TO ('${dayOf(daysAgo - 1)} 00:00Z')`,
  });

/** Where the attempts of a subscription lie. */
const places = async (subscriptionId: string) =>
  (
    await database.rows<{ place: string }>(
      { text: 'SELECT tableoid::regclass::text AS place FROM attempt WHERE subscription_id = $1 ORDER BY at' },
      [subscriptionId],
    )
  ).map(({ place }) => place);

const partitions = async () =>
  (
    await database.rows<{ name: string }>({
      text: `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'attempt'::regclass ORDER BY 1`,
    })
  ).map(({ name }) => name);

test('attempts of a day without a partition fall into the default one, and are read with the others in their order', async () => {
  await makePartition(10);
  await makePartition(2);
  await log.append([tried('a', 10), tried('a', 5), tried('a', 2), tried('a', 0)]);
  expect(await places('a')).toEqual([nameOf(10), 'attempt_default', nameOf(2), 'attempt_default']);
  const { attempts } = await record.attempts('a', {}, 10);
  expect(attempts.map(({ at }) => at.toISOString().slice(0, 10))).toEqual([0, 2, 5, 10].map(dayOf));
});

test('old days go whole, those in the default one row by row; the days to come are made ready', async () => {
  // One whole partition, and nothing of the default one is as old as that.
  expect(await retention.dropAttempts(7)).toBe(1);
  expect(await partitions()).toEqual(['attempt_default', ...[2, -1, -2, -3].map(nameOf)].sort());
  expect((await record.attempts('a', {}, 10)).attempts).toHaveLength(3);
  expect(await retention.dropAttempts(3)).toBe(1);
  expect(await places('a')).toEqual([nameOf(2), 'attempt_default']);
  expect(await retention.dropAttempts(3)).toBe(0);
});

test('partitions made ready take the attempts of their day, and number them like the others', async () => {
  await log.append([tried('b', -1), tried('b', -1), tried('b', -1)]);
  expect(new Set(await places('b'))).toEqual(new Set([nameOf(-1)]));
  const first = await record.attempts('b', {}, 2);
  expect(first.attempts).toHaveLength(2);
  expect((await record.attempts('b', {}, 2, first.next)).attempts).toHaveLength(1);
});

test('several processes that prune at once do it once between them', async () => {
  await makePartition(20);
  const done = await Promise.all([1, 2, 3].map(() => retention.dropAttempts(7)));
  expect(done.sort()).toEqual([0, 0, 1]);
});

test('attempts of before there were numbers for them are read, too', async () => {
  await database.run({
    text: `INSERT INTO attempt (at, subscription_id, kind, outcome, milliseconds, detail, attempt_id)
           SELECT '2026-01-01T00:00:00Z', 'old', 'heartbeat', 'accepted', n, 'code: text', NULL FROM generate_series(1, 3) AS n`,
  });
  const { attempts, next } = await record.attempts('old', {}, 10);
  expect(attempts.map(({ excerpt }) => excerpt)).toEqual(['code: text', 'code: text', 'code: text']);
  expect(next).toBeUndefined();
});

test('what no text of a database can hold is kept without it', async () => {
  await log.append([tried('n', 0, { excerpt: 'a\0b', reason: '\0', outcome: 'retry' })]);
  expect((await record.attempts('n', {}, 1)).attempts).toMatchObject([{ excerpt: 'a\uFFFDb', reason: '\uFFFD' }]);
});

test('letters and requests go when they are settled for so long', async () => {
  await database.run({
    text: `INSERT INTO dead_letter (subscription_id, number, reason, at, refused_at, resolved_at) VALUES
      ('a', 1, 'x', now() - interval '20 days', NULL, now() - interval '10 days'),
      ('a', 2, 'x', now() - interval '20 days', NULL, now() - interval '2 days'),
      ('a', 3, 'x', now() - interval '20 days', NULL, NULL),
      ('a', 4, 'x', now() - interval '20 days', now() - interval '2 days', NULL)`,
  });
  const left = async () => (await record.letters('a', undefined, 10)).letters.map(({ number }) => number);
  expect(await retention.dropLetters(7, undefined)).toBe(1);
  expect(await left()).toEqual([4, 3, 2]);
  expect(await retention.dropLetters(7, 15)).toBe(1);
  expect(await left()).toEqual([4, 2]);

  await database.run({ text: `INSERT INTO subscription_cursor (subscription_id, shard) VALUES ('a', 0)` });
  await database.run({
    text: `INSERT INTO resend (subscription_id, next_number, last_number, to_sockets, asked_at, finished_at) VALUES
      ('a', 1, 1, true, now() - interval '2 hours', NULL),
      ('a', 2, 2, true, now(), NULL),
      ('a', 3, 3, false, now() - interval '20 days', NULL),
      ('a', 4, 4, false, now() - interval '20 days', now() - interval '8 days'),
      ('a', 5, 5, false, now() - interval '20 days', now() - interval '6 days')`,
  });
  expect(await retention.dropResends(7)).toBe(2);
  const kept = await database.rows<{ n: bigint }>({ text: 'SELECT next_number AS n FROM resend ORDER BY 1' });
  expect(kept.map(({ n }) => Number(n))).toEqual([2, 3, 5]);
});
