import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Database } from '../../src/storage/database.js';
import { cloneDatabase, type TestDatabase } from '../support/clone-database.js';
import { waitFor } from '../support/wait-for.js';

let clone: TestDatabase;
let observer: Database;
const opened: Database[] = [];

beforeAll(async () => {
  clone = await cloneDatabase();
  observer = new Database(clone.url, 1, () => {});
});
afterAll(async () => {
  await Promise.all([observer, ...opened].map((database) => database?.close()));
  await clone?.drop();
});

function opening(settings?: Record<string, number>): Database {
  const database = new Database(clone.url, 2, () => {}, settings);
  opened.push(database);
  return database;
}

test.each([
  [undefined, '70s'],
  [{ statement_timeout: 5000 }, '20s'],
])('a transaction has a bound of its own, beyond that of its statements: %j', async (settings, bound) => {
  const database = opening(settings);
  expect(await database.rows({ text: 'SHOW transaction_timeout' })).toEqual([{ transaction_timeout: bound }]);
});

test('one that does not come to its end is ended, and lets go of the horizon of the log', async () => {
  const database = opening({ transaction_timeout: 500 });
  const held = async (pid: number) =>
    (await observer.rows({ text: 'SELECT FROM pg_stat_activity WHERE pid = $1 AND backend_xid IS NOT NULL' }, [pid])).length > 0;
  const unfinished = database.transaction(async (tx) => {
    const [row] = await tx.rows<{ pid: number }>({ text: 'SELECT pg_backend_pid() AS pid, pg_current_xact_id()' });
    await waitFor(async () => !(await held(row!.pid)), { what: 'the transaction to be ended' });
    await tx.rows({ text: 'SELECT 1' });
  });
  await expect(unfinished).rejects.toThrow();
  expect(await database.rows({ text: 'SELECT 1 AS one' })).toEqual([{ one: 1 }]);
});
