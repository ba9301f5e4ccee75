import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';

import type { Write } from '../../src/intake/change-store.js';
import type { PageMark } from '../../src/pull/resource-reader.js';
import { SearchDefinitions } from '../../src/search/search-definitions.js';
import { SearchSemantics } from '../../src/search/search-semantics.js';
import type { ExtractedValues } from '../../src/search/values.js';
import { PostgresChangeStore } from '../../src/storage/change-store.js';
import { Database } from '../../src/storage/database.js';
import { PostgresResourceReader } from '../../src/storage/resource-reader.js';
import { SearchDatabase } from '../../src/storage/search-database.js';
import { LocalWakeUps } from '../../src/wake-ups/wake-ups.js';
import { cloneDatabase, type TestDatabase } from '../support/clone-database.js';

/*
 * Resources that stay as they are, walked page by page in any order that can be asked for, while others are written all the time: each
 * comes up once, and in order.
 */

const semantics = new SearchSemantics(SearchDefinitions.load(), ['http://hub.example/fhir/r4b']);
let clone: TestDatabase;
let database: Database;
let searches: SearchDatabase;
let store: PostgresChangeStore;
let reader: PostgresResourceReader;

beforeAll(async () => {
  clone = await cloneDatabase();
  database = new Database(clone.url, 4, () => undefined);
  searches = new SearchDatabase(clone.url, 4, () => undefined, 30_000);
  reader = new PostgresResourceReader(database, searches, semantics, 30_000);
  store = new PostgresChangeStore(
    database,
    ({ type, id, value }, lastUpdated) => semantics.indexRows(semantics.extract(type, value, { id, lastUpdated })),
    new LocalWakeUps(),
  );
});

afterAll(async () => {
  await database.close();
  await searches.close();
  await clone.drop();
});

const content = fc.record(
  {
    effectiveDateTime: fc.constantFrom('2020', '2020-01', '2020-01-02', '2021-06-01T10:00:00Z', '1999-12-31'),
    valueQuantity: fc.record({ value: fc.integer({ min: -3, max: 3 }), unit: fc.constant('mg') }),
    component: fc.array(fc.record({ valueQuantity: fc.record({ value: fc.integer({ min: -3, max: 3 }) }) }), {
      minLength: 1,
      maxLength: 3,
    }),
    note: fc.constant([{ text: 'n' }]),
  },
  { requiredKeys: [] },
);
const key = fc
  .tuple(fc.constantFrom('date', 'value-quantity', 'component-value-quantity', '_id'), fc.boolean())
  .map(([code, descending]) => ({ code, descending }));
const keys = fc.uniqueArray(key, { minLength: 1, maxLength: 3, selector: ({ code }) => code });

let cases = 0;

const put = (id: string, rest: object): Write => {
  const value = { resourceType: 'Observation', id, status: 'final', ...rest };
  return { kind: 'put', method: 'PUT', resource: { type: 'Observation', id, text: JSON.stringify(value), value } };
};
const write = (...writes: Write[]) => store.write({ face: 'r4b', writes });

/** What a resource sorts by; undefined where it has no such value. */
function place(
  values: ExtractedValues,
  { code, descending }: { code: string; descending: boolean },
): number | string | undefined {
  const found = values.get(code);
  if (found?.type === 'token') return found.values[0]?.code;
  if (found?.type !== 'date' && found?.type !== 'quantity') return undefined;
  const lows = found.values.map(({ low }) => low);
  return descending ? Math.max(...lows) : Math.min(...lows);
}

function inOrder(a: ExtractedValues, b: ExtractedValues, order: readonly { code: string; descending: boolean }[]): boolean {
  for (const each of order) {
    const [left, right] = [place(a, each), place(b, each)];
    if (left === right) continue;
    if (left === undefined || right === undefined) return right === undefined;
    return each.descending ? left > right : left < right;
  }
  return true;
}

test('pages neither skip nor repeat what stays, and keep the order, while others are written', async () => {
  const property = fc.asyncProperty(
    fc.array(content, { minLength: 3, maxLength: 14 }),
    fc.array(content, { minLength: 1, maxLength: 8 }),
    keys,
    fc.integer({ min: 1, max: 4 }),
    fc.boolean(),
    async (stay, move, order, count, filtered) => {
      const run = `r${String(++cases)}`;
      const stayed = new Map(
        stay.map((rest, n) => [
          `${run}-s${String(n)}`,
          semantics.extract('Observation', { resourceType: 'Observation', id: `${run}-s${String(n)}`, ...rest }),
        ]),
      );
      const tagged = (rest: object) => ({ ...rest, code: { coding: [{ code: run }] } });
      await write(...stay.map((rest, n) => put(`${run}-s${String(n)}`, tagged(rest))));

      let walking = true;
      let step = 0;
      const writing = (async () => {
        while (walking) {
          const id = `${run}-m${String(step % 3)}`;
          if (step % 5 === 4) await write({ kind: 'delete', type: 'Observation', id });
          else await write(put(id, tagged(move[step % move.length] ?? {})));
          step++;
        }
      })();

      const sort = order.map(({ code, descending }) => (descending ? '-' : '') + code).join(',');
      const conditions = filtered ? `code=${run}&status=final` : `code=${run}`;
      const query = semantics.parse('Observation', `${conditions}&_sort=${sort}`, { handling: 'strict' });
      const seen: string[] = [];
      let after: PageMark | undefined;
      try {
        do {
          const page = await reader.search({ ...query, total: 'none' }, { count, after });
          seen.push(...page.matches.map(({ id }) => id));
          after = page.next;
        } while (after !== undefined && seen.length < 500);
      } finally {
        walking = false;
        await writing;
      }

      const ids = seen.filter((id) => stayed.has(id));
      expect([...ids].sort()).toEqual([...stayed.keys()].sort());
      ids.slice(1).forEach((id, n) => {
        const before = ids[n] ?? '';
        expect({ sort, before, id, inOrder: inOrder(stayed.get(before)!, stayed.get(id)!, order) }).toMatchObject({
          inOrder: true,
        });
      });
    },
  );
  await fc.assert(property, { numRuns: 40 });
}, 120_000);
