import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';

import type { Write } from '../../src/intake/change-store.js';
import type { HistoryScope, PageMark } from '../../src/pull/resource-reader.js';
import { SearchDefinitions } from '../../src/search/search-definitions.js';
import { SearchSemantics } from '../../src/search/search-semantics.js';
import { PostgresChangeStore } from '../../src/storage/change-store.js';
import type { Database } from '../../src/storage/database.js';
import { PostgresResourceReader } from '../../src/storage/resource-reader.js';
import { SearchDatabase } from '../../src/storage/search-database.js';
import { LocalWakeUps } from '../../src/wake-ups/wake-ups.js';
import { type OpenClone, openClone } from '../support/open-clone.js';

/*
 * History walked page by page while several write at once: every version written before the walk comes up once and in order, nothing
 * comes up twice, and what is written meanwhile stays before the first page.
 */

const semantics = new SearchSemantics(SearchDefinitions.load(), ['http://hub.example/fhir/r4b']);
let clone: OpenClone;
let database: Database;
let searches: SearchDatabase;
let store: PostgresChangeStore;
let reader: PostgresResourceReader;

beforeAll(async () => {
  clone = await openClone(6);
  database = clone.database;
  searches = new SearchDatabase(clone.url, 2, () => undefined, 30_000);
  reader = new PostgresResourceReader(database, searches, semantics, 30_000);
  store = new PostgresChangeStore(
    database,
    ({ type, id, value }, lastUpdated) => semantics.indexRows(semantics.extract(type, value, { id, lastUpdated })),
    new LocalWakeUps(),
  );
});

afterAll(async () => {
  await searches.close();
  await clone.drop();
});

let content = 0;

/** A version of one of four resources, now and then its deletion. */
function nextWrite(run: string, n: number): Write {
  const id = `${run}-${String(n % 4)}`;
  if (n % 7 === 6) return { kind: 'delete', type: 'Basic', id };
  const value = { resourceType: 'Basic', id, language: `x-${String((content += 1))}` };
  return { kind: 'put', method: 'PUT', resource: { type: 'Basic', id, text: JSON.stringify(value), value } };
}

const write = (...writes: Write[]) => store.write({ face: 'r4b', writes });

test('pages of a history neither skip nor repeat a version, and keep the order, while several write', async () => {
  let cases = 0;
  const scopes = (run: string): HistoryScope[] => [{}, { type: 'Basic' }, { type: 'Basic', id: `${run}-1` }];
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 5, max: 20 }), fc.integer({ min: 1, max: 6 }), fc.nat(2), async (before, count, scope) => {
      const run = `r${String(++cases)}`;
      const within = scopes(run)[scope] as HistoryScope;
      const written = new Set<string>();
      for (let n = 0; n < before; n++) {
        const [outcome] = await write(nextWrite(run, n));
        if (outcome?.kind !== 'stored' || (within.id !== undefined && outcome.change.id !== within.id)) continue;
        written.add(`${outcome.change.id}/${String(outcome.change.version)}`);
      }

      let walking = true;
      const writing = Promise.all(
        [1, 2, 3].map(async (writer) => {
          for (let n = writer; walking; n += 3) await write(nextWrite(run, n));
        }),
      );
      const seen: { name: string; at: number }[] = [];
      let after: PageMark | undefined;
      try {
        do {
          const page = await reader.history(within, { count, after });
          expect(page.versions.length).toBeLessThanOrEqual(count);
          seen.push(...page.versions.map(({ id, version, at }) => ({ name: `${id}/${String(version)}`, at: at.getTime() })));
          after = page.next;
        } while (after !== undefined && [...written].some((name) => !seen.some((each) => each.name === name)));
      } finally {
        walking = false;
        await writing;
      }

      expect(new Set(seen.map(({ name }) => name)).size).toBe(seen.length);
      expect(seen.map(({ name }) => name).filter((name) => written.has(name))).toEqual([...written].reverse());
      expect(seen.map(({ at }) => at)).toEqual(seen.map(({ at }) => at).sort((a, b) => b - a));
    }),
    { numRuns: 15 },
  );
}, 120_000);
