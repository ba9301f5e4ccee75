import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';

import type { Write } from '../../src/intake/change-store.js';
import type { PageMark } from '../../src/pull/resource-reader.js';
import { SearchDefinitions } from '../../src/search/search-definitions.js';
import { SearchSemantics } from '../../src/search/search-semantics.js';
import type { ExtractedValues } from '../../src/search/values.js';
import { PostgresChangeStore } from '../../src/storage/change-store.js';
import type { Database } from '../../src/storage/database.js';
import { PostgresResourceReader } from '../../src/storage/resource-reader.js';
import { SearchDatabase } from '../../src/storage/search-database.js';
import { LocalWakeUps } from '../../src/wake-ups/wake-ups.js';
import { type OpenClone, openClone } from '../support/open-clone.js';

/*
 * Resources that stay as they are, walked page by page in any order that can be asked for, while others are written all the time: each
 * comes up once, and in order.
 */

const semantics = new SearchSemantics(SearchDefinitions.load(), ['http://hub.example/fhir/r4b']);
let clone: OpenClone;
let database: Database;
let searches: SearchDatabase;
let store: PostgresChangeStore;
let reader: PostgresResourceReader;

beforeAll(async () => {
  clone = await openClone();
  database = clone.database;
  searches = new SearchDatabase(clone.url, 4, () => undefined, 30_000);
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

/** Texts whose order by code points is not that of their code units, nor that of a language. */
const word = fc.constantFrom(
  'a',
  'A',
  'ab',
  'a b',
  'B',
  'é',
  '\ufb01',
  '\u{1f98a}',
  '10',
  '9',
  `${'x'.repeat(200)}1`,
  `${'x'.repeat(200)}2`,
);

const content = fc.record(
  {
    effectiveDateTime: fc.constantFrom('2020', '2020-01', '2020-01-02', '2021-06-01T10:00:00Z', '1999-12-31'),
    valueQuantity: fc.record({ value: fc.integer({ min: -3, max: 3 }), unit: fc.constant('mg') }),
    component: fc.array(fc.record({ valueQuantity: fc.record({ value: fc.integer({ min: -3, max: 3 }) }) }), {
      minLength: 1,
      maxLength: 3,
    }),
    note: fc.constant([{ text: 'n' }]),
    category: fc.array(
      fc.record({
        coding: fc.array(fc.record({ system: word, code: word }, { requiredKeys: [] }), { minLength: 1, maxLength: 2 }),
      }),
      { minLength: 1, maxLength: 2 },
    ),
    performer: fc.array(
      fc.record({
        reference: fc.constantFrom(
          'Practitioner/1',
          'Practitioner/10',
          'Practitioner/2',
          'Organization/2',
          'http://hub.example/fhir/r4b/Organization/1',
          'Practitioner/1/_history/2',
          'http://elsewhere.example/x',
          '#p',
        ),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    meta: fc.record({
      profile: fc.array(
        word.map((each) => `http://p.example/${each}`),
        { minLength: 1, maxLength: 2 },
      ),
    }),
  },
  { requiredKeys: [] },
);
const SORTED_BY = [
  'date',
  'value-quantity',
  'component-value-quantity',
  '_id',
  '_lastUpdated',
  'category',
  'performer',
  '_profile',
];
const key = fc.tuple(fc.constantFrom(...SORTED_BY), fc.boolean()).map(([code, descending]) => ({ code, descending }));
const keys = fc.uniqueArray(key, { minLength: 1, maxLength: 3, selector: ({ code }) => code });

let cases = 0;

interface Stayed {
  id: string;
  rest: {
    category?: { coding: { system?: string; code?: string }[] }[];
    performer?: { reference: string }[];
    meta?: { profile: string[] };
  };
  values: ExtractedValues;
}

const put = (id: string, rest: object): Write => {
  const value = { resourceType: 'Observation', id, status: 'final', ...rest };
  return { kind: 'put', method: 'PUT', resource: { type: 'Observation', id, text: JSON.stringify(value), value } };
};
const write = (...writes: Write[]) => store.write({ face: 'r4b', writes });

/** What a resource sorts by, read off its JSON; undefined where it has no such value. */
function place(resource: Stayed, { code, descending }: { code: string; descending: boolean }): readonly Part[] | undefined {
  const all = placesOf(resource, code).sort(compareParts);
  return descending ? all.at(-1) : all[0];
}

function placesOf({ id, values, rest }: Stayed, code: string): (readonly Part[])[] {
  const { category = [], performer = [], meta } = rest;
  switch (code) {
    case '_id':
      return [[id]];
    case '_lastUpdated':
      return [];
    case 'category':
      return category.flatMap(({ coding }) =>
        coding.flatMap((each) => (each.code === undefined ? [] : [firstOf([each.code, each.system ?? ''])])),
      );
    case 'performer':
      return performer.flatMap(({ reference }) => {
        const [target = '', version = ''] = reference.replace('http://hub.example/fhir/r4b/', '').split('/_history/');
        return target.startsWith('#') ? [] : [[target, version]];
      });
    case '_profile':
      return (meta?.profile ?? []).map((profile) => firstOf([profile]));
    default: {
      const found = values.get(code);
      return found?.type === 'date' || found?.type === 'quantity' ? found.values.map(({ low }) => [low]) : [];
    }
  }
}

/** Two hundred characters decide, of code and system together; one stands between them. */
function firstOf([first = '', second]: readonly string[]): string[] {
  const head = [...first].slice(0, 200).join('');
  return second === undefined ? [head] : [head, [...second].slice(0, Math.max(0, 199 - [...first].length)).join('')];
}

type Part = string | number;

function compareParts(a: readonly Part[], b: readonly Part[]): number {
  for (let i = 0; i < a.length; i++) {
    const [left, right] = [a[i]!, b[i]!];
    if (left === right) continue;
    if (typeof left === 'number' || typeof right === 'number') return left < right ? -1 : 1;
    return Buffer.compare(Buffer.from(left), Buffer.from(right));
  }
  return 0;
}

function inOrder(a: Stayed, b: Stayed, order: readonly { code: string; descending: boolean }[]): boolean {
  for (const each of order) {
    const [left, right] = [place(a, each), place(b, each)];
    if (left === undefined && right === undefined) continue;
    if (left === undefined || right === undefined) return right === undefined;
    const compared = compareParts(left, right);
    if (compared !== 0) return compared > 0 === each.descending;
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
        stay.map((rest, n): [string, Stayed] => {
          const id = `${run}-s${String(n)}`;
          return [id, { id, rest, values: semantics.extract('Observation', { resourceType: 'Observation', id, ...rest }) }];
        }),
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
  await fc.assert(property, { numRuns: 60 });
}, 120_000);
