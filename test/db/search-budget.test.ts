import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { SearchDefinitions } from '../../src/search/search-definitions.js';
import { SearchSemantics } from '../../src/search/search-semantics.js';
import { Database } from '../../src/storage/database.js';
import { PostgresResourceReader } from '../../src/storage/resource-reader.js';
import { SearchDatabase } from '../../src/storage/search-database.js';
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
        const [row] = await tx.rows<{ running: bigint }>({
          text: `SELECT count(*) AS running FROM pg_locks WHERE NOT granted AND relation = 'resource'::regclass`,
        });
        expect(row?.running).toBe(0n);
      });
      // Afterwards its connections serve; on a busy machine not always within the budget.
      await waitFor(async () => (await reader.search(query, { count: 10 })).matches.length === 0);
    },
  );

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
