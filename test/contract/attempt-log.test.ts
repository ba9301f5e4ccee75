import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Attempt } from '../../src/delivery/attempt-log.js';
import { PostgresAttemptLog } from '../../src/storage/attempt-log.js';
import { Database } from '../../src/storage/database.js';
import { cloneDatabase, type TestDatabase } from '../support/clone-database.js';

let clone: TestDatabase;
let database: Database;
let log: PostgresAttemptLog;

beforeAll(async () => {
  clone = await cloneDatabase();
  database = new Database(clone.url, 4, () => {});
  log = new PostgresAttemptLog(database);
});
afterAll(async () => {
  await database?.close();
  await clone?.drop();
});

const rows = (text: string) => database.rows<Record<string, unknown>>({ text });

test('attempts are kept as they were, whatever an endpoint answered', async () => {
  const at = new Date();
  const attempts: Attempt[] = [
    { at, subscriptionId: 'a', kind: 'handshake', outcome: 'retry', milliseconds: 20_000, reason: 'no answer' },
    {
      at,
      subscriptionId: 'a',
      kind: 'event-notification',
      firstNumber: 1,
      lastNumber: 3,
      outcome: 'accepted',
      httpStatus: 204,
      milliseconds: 3,
    },
    { at, subscriptionId: 'b', kind: 'heartbeat', outcome: 'give-up', httpStatus: 410, milliseconds: 1, excerpt: 'a\0b"\\é' },
  ];
  await log.append([]);
  await log.append(attempts);
  const kept = await rows('SELECT * FROM attempt ORDER BY subscription_id, milliseconds');
  expect(kept).toHaveLength(3);
  expect(kept.map(({ kind, outcome }) => [kind, outcome])).toEqual([
    ['event-notification', 'accepted'],
    ['handshake', 'retry'],
    ['heartbeat', 'give-up'],
  ]);
  expect(kept[0]).toMatchObject({ first_number: 1n, last_number: 3n, http_status: 204, detail: null });
  expect(kept[2]).toMatchObject({ detail: 'a\uFFFDb"\\é' });
});

test('an event is set aside once: a second time, as after a crash, changes nothing', async () => {
  await log.park([]);
  await log.park([{ subscriptionId: 'a', number: 7, reason: 'HTTP 422' }]);
  await log.park([
    { subscriptionId: 'a', number: 7, reason: 'again' },
    { subscriptionId: 'a', number: 9, reason: 'HTTP 400\0' },
  ]);
  expect(await rows('SELECT number, reason FROM dead_letter ORDER BY number')).toEqual([
    { number: 7n, reason: 'HTTP 422' },
    { number: 9n, reason: 'HTTP 400\uFFFD' },
  ]);
});
