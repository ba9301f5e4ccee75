import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Database } from '../../src/storage/database.js';
import { RELAXED_COMMIT } from '../../src/storage/sql/relaxed-commit.js';
import { cloneDatabase } from '../support/clone-database.js';

let database: Database;

beforeAll(async () => {
  const clone = await cloneDatabase();
  database = new Database(clone.url, 1, () => {});
});
afterAll(() => database.close());

const setting = async () =>
  (await database.rows<{ word: string }>({ text: `SELECT current_setting('synchronous_commit') AS word` }))[0]?.word;

test('the condition relaxes the commit of its own statement, of no other on the same connection', async () => {
  await database.run({ text: 'CREATE TABLE note (word text)' });
  await database.run({ text: `INSERT INTO note SELECT 'x'` });
  await database.run({ text: `UPDATE note SET word = current_setting('synchronous_commit') WHERE ${RELAXED_COMMIT}` });
  expect(await database.rows({ text: 'SELECT word FROM note' })).toEqual([{ word: 'off' }]);
  expect(await setting()).toBe('on');
});
