import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';

import type { Write } from '../../src/intake/change-store.js';
import { SearchDefinitions } from '../../src/search/search-definitions.js';
import { SearchSemantics } from '../../src/search/search-semantics.js';
import { PostgresChangeStore } from '../../src/storage/change-store.js';
import { Database } from '../../src/storage/database.js';
import { PostgresResourceReader } from '../../src/storage/resource-reader.js';
import { SearchDatabase } from '../../src/storage/search-database.js';
import { SORT_IN_KEYS } from '../../src/storage/sql/sort-in-keys.sql.js';
import { LocalWakeUps } from '../../src/wake-ups/wake-ups.js';
import { cloneDatabase, type TestDatabase } from '../support/clone-database.js';
import { waitFor } from '../support/wait-for.js';

const semantics = new SearchSemantics(SearchDefinitions.load(), []);
let clone: TestDatabase;
let database: Database;
let searches: SearchDatabase;
let reader: PostgresResourceReader;

beforeAll(async () => {
  clone = await cloneDatabase();
  database = new Database(clone.url, 4, () => undefined);
  searches = new SearchDatabase(clone.url, 2, () => undefined, 50);
  reader = new PostgresResourceReader(database, searches, semantics, 50);
});

afterAll(async () => {
  await database.close();
  await searches.close();
  await clone.drop();
});

/** Whether the server is at work on no statement of others in this database. */
async function nothingRuns(): Promise<boolean> {
  const running = await database.rows<{ query: string }>({
    text: `SELECT query FROM pg_stat_activity
      WHERE datname = current_database() AND backend_type = 'client backend' AND state = 'active' AND pid <> pg_backend_pid()`,
  });
  return running.length === 0;
}

describe('a search over its time budget', () => {
  test.each(['', 'status=final', '_sort=date', '_sort=code', '_summary=count', 'code:text=x'])(
    'is cancelled and refused as too costly: "%s"',
    async (text) => {
      const query = semantics.parse('Observation', text, { handling: 'strict' });
      await database.transaction(async (tx) => {
        // As slow as can be: it waits for a lock that is not given back.
        await tx.run({ text: 'LOCK TABLE resource IN ACCESS EXCLUSIVE MODE' });
        await expect(reader.search(query, { count: 10 })).rejects.toMatchObject({
          status: 503,
          issues: [{ code: 'too-costly' }],
        });
        // While the lock is still held: nothing waits for it any longer. The server says so a moment after the refusal.
        await waitFor(nothingRuns);
      });
      // Afterwards its connections serve; on a busy machine not always within the budget.
      await waitFor(async () => (await reader.search(query, { count: 10 })).matches.length === 0);
    },
  );

  test('does not go on where the server has to be stopped in the middle of its work', async () => {
    // It would compute for days.
    const asked = searches.rows({ text: `SELECT count(*) FROM generate_series(1, 1000000000000) AS n WHERE sqrt(n) < 0` });
    await expect(asked).rejects.toMatchObject({ code: '57014' });
    await waitFor(nothingRuns);
  });

  test('ends between its statements, too, however quick each of them is', async () => {
    const many = await cloneDatabase();
    const rows = new Database(many.url, 2, () => undefined);
    const own = new SearchDatabase(many.url, 1, () => undefined, 60_000);
    const clock = jest.spyOn(Date, 'now');
    try {
      const store = new PostgresChangeStore(
        rows,
        ({ type, id, value }, lastUpdated) => semantics.indexRows(semantics.extract(type, value, { id, lastUpdated })),
        new LocalWakeUps(),
      );
      const writes = Array.from({ length: 600 }, (_, n): Write => {
        const value = { resourceType: 'Observation', id: `o${String(n)}`, code: { coding: [{ display: 'never asked for' }] } };
        return {
          kind: 'put',
          method: 'PUT',
          resource: { type: 'Observation', id: value.id, text: JSON.stringify(value), value },
        };
      });
      await store.write({ face: 'r4b', writes });
      const query = semantics.parse('Observation', 'code:text=other&_total=none', { handling: 'strict' });
      const statements = jest.spyOn(own, 'rows');
      // Sorting new keys in belongs to no search and comes when a second has gone by.
      const asked = () => statements.mock.calls.filter(([{ text }]) => text !== SORT_IN_KEYS.text).length;
      const own60 = new PostgresResourceReader(rows, own, semantics, 60_000);
      expect((await own60.search(query, { count: 1 })).matches).toEqual([]);
      const needed = asked();
      expect(needed).toBeGreaterThan(1);

      statements.mockClear();
      const began = Date.now();
      // Each statement takes a minute and more, as far as the hub knows.
      clock.mockImplementation(() => began + 61_000 * asked());
      await expect(own60.search(query, { count: 1 })).rejects.toMatchObject({ status: 503, issues: [{ code: 'too-costly' }] });
      expect(asked()).toBe(1);
    } finally {
      clock.mockRestore();
      await rows.close();
      await own.close();
      await many.drop();
    }
  });

  test('leaves reads by id alone', async () => {
    await database.transaction(async (tx) => {
      await tx.run({ text: 'LOCK TABLE search_date IN ACCESS EXCLUSIVE MODE' });
      const slow = reader.search(semantics.parse('Observation', '_sort=date', { handling: 'strict' }), { count: 10 });
      const refused = expect(slow).rejects.toMatchObject({ status: 503 });
      expect(await reader.current('Observation', 'never')).toBeUndefined();
      await refused;
    });
  });
});
