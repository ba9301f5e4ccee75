import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import type { Write } from '../../src/intake/change-store.js';
import type { PageMark } from '../../src/pull/resource-reader.js';
import { clauseHolds } from '../../src/search/clause-holds.js';
import { SearchDefinitions } from '../../src/search/search-definitions.js';
import { SearchSemantics } from '../../src/search/search-semantics.js';
import type { ExtractedValues } from '../../src/search/values.js';
import { PostgresChangeStore } from '../../src/storage/change-store.js';
import type { Database } from '../../src/storage/database.js';
import { PostgresResourceReader } from '../../src/storage/resource-reader.js';
import { SearchDatabase } from '../../src/storage/search-database.js';
import type { SearchBounds } from '../../src/storage/search-bounds.js';
import { LocalWakeUps } from '../../src/wake-ups/wake-ups.js';
import { type OpenClone, openClone } from '../support/open-clone.js';

/*
 * A page is found in one of several ways, by how much there is of what: candidates gathered, resources walked in order, all matches sorted. With
 * small bounds a few hundred Observations take every one of them, and each must find what clauseHolds says, in the same order.
 */

const semantics = new SearchSemantics(SearchDefinitions.load(), []);
const COUNT = 150;
const DAY = 86_400_000;
const BEGINS = Date.UTC(2020, 0, 1);

let clone: OpenClone;
let database: Database;
let searches: SearchDatabase;
const stored = new Map<string, ExtractedValues>();

const day = (n: number) => new Date(BEGINS + n * DAY).toISOString().slice(0, 10);

/** Points, days, months, periods of hours and of weeks, periods open at either end, and nothing. */
function effective(n: number): object {
  const at = (n * 37) % 200;
  switch (n % 9) {
    case 0:
      return { effectiveDateTime: day(at) };
    case 1:
      return { effectiveDateTime: `${day(at)}T10:00:00Z` };
    case 2:
      return { effectiveDateTime: day(at).slice(0, 7) };
    case 3:
      return { effectivePeriod: { start: `${day(at)}T22:00:00Z`, end: `${day(at + 1)}T03:00:00Z` } };
    case 4:
      return { effectivePeriod: { start: day(at), end: day(at + 40) } };
    case 5:
      return n % 2 === 0 ? { effectivePeriod: { start: day(at) } } : { effectivePeriod: { end: day(at) } };
    case 6:
      return {};
    default:
      return { effectiveInstant: `${day(at)}T23:59:59.999Z` };
  }
}

/** Points below, at and above zero, ranges of samples, and what is told to be less or more. */
function measured(n: number): object {
  const value = (((n * 7) % 13) - 4) * (n % 5 === 0 ? 0.001 : 1);
  const quantity = (comparator?: string) => ({
    valueQuantity: { value, comparator, code: n % 4 === 0 ? 'g' : 'mg', system: 'http://u' },
  });
  switch (n % 12) {
    case 0:
      return quantity('<');
    case 1:
      return quantity('<=');
    case 2:
      return quantity('>');
    case 3:
      return quantity('>=');
    case 4:
      return { valueSampledData: { origin: { value, code: 'mg', system: 'http://u' }, period: 1, dimensions: 1, data: '0 1 2' } };
    case 5:
      return {};
    default:
      return quantity();
  }
}

function observation(n: number): Record<string, unknown> {
  return {
    resourceType: 'Observation',
    id: `o${String(n)}`,
    status: n % 3 === 0 ? 'final' : 'preliminary',
    code: { coding: [{ system: 'http://s', code: n % 40 === 0 ? 'rare' : 'common' }] },
    ...effective(n),
    ...measured(n),
    component: [
      { code: { text: 'a' }, valueQuantity: { value: n % 7 } },
      { code: { text: 'b' }, valueQuantity: { value: n % 5 } },
    ],
  };
}

beforeAll(async () => {
  clone = await openClone();
  database = clone.database;
  searches = new SearchDatabase(clone.url, 4, () => undefined, 30_000);
  let now = BEGINS;
  const store = new PostgresChangeStore(
    database,
    ({ type, id, value }, lastUpdated) => semantics.indexRows(semantics.extract(type, value, { id, lastUpdated })),
    new LocalWakeUps(),
    {},
    () => (now += 7),
  );
  for (let n = 0; n < COUNT; n++) {
    const value = observation(n);
    const id = String(value['id']);
    const put: Write = { kind: 'put', method: 'PUT', resource: { type: 'Observation', id, text: JSON.stringify(value), value } };
    await store.write({ face: 'r4b', writes: [put] });
    stored.set(id, semantics.extract('Observation', value, { id, lastUpdated: new Date(now) }));
  }
  // Others of a type whose dates have parameters of their own.
  const patient: Record<string, unknown> = { resourceType: 'Patient', id: 'p', birthDate: day(3) };
  await store.write({
    face: 'r4b',
    writes: [
      { kind: 'put', method: 'PUT', resource: { type: 'Patient', id: 'p', text: JSON.stringify(patient), value: patient } },
    ],
  });
  await database.run({ text: 'ANALYZE' });
}, 120_000);

afterAll(async () => {
  await searches.close();
  await clone.drop();
});

const CONDITIONS = [
  '',
  'code=http://s|common',
  'code=http://s|rare',
  ...['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb'].map((comparator) => `date=${comparator}${day(60)}`),
  `date=ap${day(60)}`,
  `date=ge${day(30)}&date=lt${day(45)}`,
  `date=gt${day(100)}&date=eb${day(160)}&code=http://s|common`,
  `date=ge${day(90)}T12:00:00Z&date=le${day(120)}&status=final`,
  `date=${day(10)},${day(20)}&date=ge${day(15)}`,
  `_lastUpdated=gt2020-01-01T00:00:01Z&date=lt${day(80)}`,
  `_lastUpdated=le2020-01-01T00:00:00.700Z`,
  `_lastUpdated=2020-01-01T00:00:00.707Z`,
  'value-quantity=gt4&value-quantity=lt9&code=http://s|common',
  'value-quantity=7|http://u|mg',
  ...['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'].map((comparator) => `value-quantity=${comparator}5|http://u|mg`),
  ...['gt', 'ge', 'eb', 'ap'].flatMap((comparator) => [`value-quantity=${comparator}0`, `value-quantity=${comparator}-3`]),
  'value-quantity=gt-1||mg&value-quantity=eb6&status=final',
  'value-quantity=gt5,lt-3',
  'code-value-quantity=http://s|common$gt6',
  'component-value-quantity=ge6',
  'component-value-quantity=gt4&component-value-quantity=lt2',
  'date:missing=true&code=http://s|common',
  'code=http://s|nothing',
];
const SORTS = ['', '_sort=date', '_sort=-date', '_sort=value-quantity,-date', '_sort=-component-value-quantity'];

const WAYS: [name: string, bounds: Partial<SearchBounds>][] = [
  ['as it is', {}],
  ['walking without an end', { gathered: 0, walked: 1_000_000, sorted: 0 }],
  ['walking a little, then all that is left', { gathered: 0, walked: 5, walkedOn: 0, sorted: 0 }],
  ['walking a little, then sorting', { gathered: 0, walked: 5, walkedOn: 0, sorted: 1000 }],
  ['walking on where that promises enough', { gathered: 0, walked: 15, walkedOn: 60, sorted: 1000 }],
  ['gathering what is rare', { gathered: 20, walked: 7, walkedOn: 40, sorted: 30 }],
];

async function pages(reader: PostgresResourceReader, text: string, count: number): Promise<string[]> {
  const query = semantics.parse('Observation', text, { handling: 'strict' });
  const ids: string[] = [];
  let after: PageMark | undefined;
  do {
    const page = await reader.search(query, { count, after });
    ids.push(...page.matches.map(({ id }) => id));
    after = page.next;
  } while (after !== undefined);
  return ids;
}

describe.each(CONDITIONS)('%s', (condition) => {
  test('finds the same in the same order, whatever way is taken', async () => {
    const { clauses } = semantics.parse('Observation', condition, { handling: 'strict' });
    const holding = [...stored].filter(([, values]) => clauses.every((clause) => clauseHolds(clause, values))).map(([id]) => id);
    for (const sort of SORTS) {
      const text = [condition, sort].filter((part) => part !== '').join('&');
      const found: Record<string, string[]> = {};
      await Promise.all(
        WAYS.map(async ([name, bounds]) => {
          found[name] = await pages(new PostgresResourceReader(database, searches, semantics, 30_000, bounds), text, 31);
        }),
      );
      const expected = found['as it is'] ?? [];
      expect([...expected].sort()).toEqual([...holding].sort());
      for (const [name] of WAYS) expect([text, name, found[name]]).toEqual([text, name, expected]);
    }
  });
});
