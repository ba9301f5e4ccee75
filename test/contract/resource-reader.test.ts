import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import type { Change } from '../../src/fhir/change.js';
import type { ChangeStore, Write } from '../../src/intake/change-store.js';
import type { PageMark, ResourceReader } from '../../src/pull/resource-reader.js';
import { SearchDefinitions } from '../../src/search/search-definitions.js';
import { SearchSemantics } from '../../src/search/search-semantics.js';
import { PostgresChangeStore } from '../../src/storage/change-store.js';
import type { Database } from '../../src/storage/database.js';
import { PostgresResourceReader } from '../../src/storage/resource-reader.js';
import { SearchDatabase } from '../../src/storage/search-database.js';
import { LocalWakeUps } from '../../src/wake-ups/wake-ups.js';
import { type OpenClone, openClone } from '../support/open-clone.js';
import { MemoryChangeStore } from '../support/twins/memory-change-store.js';
import { MemoryResourceReader } from '../support/twins/memory-resource-reader.js';

const semantics = new SearchSemantics(SearchDefinitions.load(), ['http://127.0.0.1/fhir/r4b']);
const START = Date.parse('2026-11-01T10:00:00.123Z');
let nowMs = START;
const now = () => nowMs;
const coded = (...codes: string[]) =>
  codes.map((each) => ({ coding: [{ system: each.split('|')[0], code: each.split('|')[1] }] }));
let clone: OpenClone;
let database: Database;
let searches: SearchDatabase;

beforeAll(async () => {
  clone = await openClone();
  database = clone.database;
  searches = new SearchDatabase(clone.url, 4, () => undefined, 10_000);
});

afterAll(async () => {
  await searches.close();
  await clone.drop();
});

interface Side {
  store: ChangeStore;
  reader: ResourceReader;
}

const makers: [string, () => Side][] = [
  [
    'in memory',
    () => {
      const store = new MemoryChangeStore(now);
      return { store, reader: new MemoryResourceReader(store.log, semantics) };
    },
  ],
  [
    'on PostgreSQL',
    () => {
      const store = new PostgresChangeStore(
        database,
        ({ type, id, value }, lastUpdated) => semantics.indexRows(semantics.extract(type, value, { id, lastUpdated })),
        new LocalWakeUps(),
        {},
        now,
      );
      return {
        store,
        reader: new PostgresResourceReader(database, searches, semantics, 10_000),
      };
    },
  ],
];

describe.each(makers)('the reading side %s', (_, make) => {
  let side: Side;

  async function write(...writes: Write[]): Promise<void> {
    nowMs += 1000;
    await side.store.write({ face: 'r4b', writes });
  }

  const observation = (id: string, rest: object): Write => {
    const value = { resourceType: 'Observation', id, status: 'final', ...rest };
    return { kind: 'put', method: 'PUT', resource: { type: 'Observation', id, text: JSON.stringify(value), value } };
  };
  const remove = (type: string, id: string): Write => ({ kind: 'delete', type, id });

  async function ids(query: string, count = 100): Promise<string[]> {
    const page = await side.reader.search(semantics.parse('Observation', query, { handling: 'strict' }), { count });
    return page.matches.map(({ id }) => id);
  }

  async function walk(query: string, count: number, between: () => Promise<void> = async () => {}): Promise<string[]> {
    const parsed = semantics.parse('Observation', query, { handling: 'strict' });
    const found: string[] = [];
    let after: PageMark | undefined;
    do {
      const page = await side.reader.search(parsed, { count, after });
      found.push(...page.matches.map(({ id }) => id));
      expect(page.matches.length).toBeLessThanOrEqual(count);
      after = page.next;
      if (after !== undefined) await between();
    } while (after !== undefined);
    return found;
  }

  beforeAll(async () => {
    side = make();
    nowMs = START;
    await write(observation('a', { code: { text: 'Glucose' }, effectiveDateTime: '2020-01-02', valueQuantity: { value: 5 } }));
    await write(observation('b', { effectiveDateTime: '2020-01-01', valueString: 'Zebra', category: coded('x|2', 'y|1') }));
    await write(observation('c', { valueString: 'apple', category: coded('x|10'), performer: [{ reference: 'Patient/2' }] }));
    await write(
      observation('d', {
        effectivePeriod: { start: '2019-06-01' },
        valueQuantity: { value: 7 },
        category: coded('w|2'),
        performer: [{ reference: 'Patient/10' }, { reference: 'http://elsewhere.example/3' }],
        meta: { profile: ['http://p.example/b|1'] },
      }),
    );
    await write(observation('gone', { effectiveDateTime: '2020-01-01' }));
    await write(remove('Observation', 'gone'));
    await write(
      observation('a', {
        effectiveDateTime: '2020-01-02',
        valueQuantity: { value: 6 },
        performer: [{ reference: 'Patient/10/_history/1' }],
        meta: { profile: ['http://p.example/a', 'http://p.example/c'] },
      }),
    );
  });

  test('the current version is the last, a delete included', async () => {
    expect(await side.reader.current('Observation', 'a')).toMatchObject({ version: 2, interaction: 'update' });
    expect(await side.reader.current('Observation', 'gone')).toMatchObject({ version: 2, interaction: 'delete', body: null });
    expect(await side.reader.current('Observation', 'never')).toBeUndefined();
    expect(await side.reader.current('Patient', 'a')).toBeUndefined();
  });

  test('many reads at once each get their own', async () => {
    const asked = ['a', 'never', 'b', 'a', 'gone', 'c', 'd', 'a'];
    const found = await Promise.all(asked.map((id) => side.reader.current('Observation', id)));
    expect(found.map((change) => change?.id)).toEqual(['a', undefined, 'b', 'a', 'gone', 'c', 'd', 'a']);
  });

  test('old versions stay', async () => {
    expect((await side.reader.version('Observation', 'a', 1))?.body).toContain('Glucose');
    expect(await side.reader.version('Observation', 'a', 3)).toBeUndefined();
  });

  test('history is newest first, deletes included', async () => {
    const named = (versions: Change[]) => versions.map(({ id, version }) => `${id}/${String(version)}`);
    const all = await side.reader.history({ type: 'Observation' }, { count: 100 });
    expect(named(all.versions)).toEqual(['a/2', 'gone/2', 'gone/1', 'd/1', 'c/1', 'b/1', 'a/1']);
    expect(all.total).toBe(7);
    const one = await side.reader.history({ type: 'Observation', id: 'a' }, { count: 1 });
    expect(named(one.versions)).toEqual(['a/2']);
    expect(one.total).toBe(2);
    const rest = await side.reader.history({ type: 'Observation', id: 'a' }, { count: 1, after: one.next });
    expect(named(rest.versions)).toEqual(['a/1']);
    expect(rest.next).toBeUndefined();
  });

  test('history pages neither skip nor repeat while versions are added', async () => {
    const seen: string[] = [];
    let after: PageMark | undefined;
    do {
      const page = await side.reader.history({ type: 'Observation' }, { count: 2, after });
      seen.push(...page.versions.map(({ id, version }) => `${id}/${String(version)}`));
      after = page.next;
      await write(observation('later', { valueString: String(nowMs) }));
    } while (after !== undefined);
    expect(seen).toEqual(['a/2', 'gone/2', 'gone/1', 'd/1', 'c/1', 'b/1', 'a/1']);
    await write(remove('Observation', 'later'));
  });

  test('_since includes its own instant, _at finds what was current then', async () => {
    const since = new Date(START + 4000);
    const later = await side.reader.history({ type: 'Observation' }, { since, count: 100 });
    expect(later.versions.at(-1)).toMatchObject({ id: 'd', at: since });
    const at = { low: new Date(START + 5500), high: new Date(START + 5501) };
    const then = await side.reader.history({ type: 'Observation' }, { at, count: 100 });
    expect(then.versions.map(({ id, version }) => `${id}/${String(version)}`)).toEqual(['gone/1', 'd/1', 'c/1', 'b/1', 'a/1']);
    const afterDelete = { low: new Date(START + 6500), high: new Date(START + 6501) };
    const without = await side.reader.history({ type: 'Observation' }, { at: afterDelete, count: 100 });
    expect(without.versions.map(({ id }) => id)).not.toContain('gone');
  });

  test('a search without _sort gives the newest first and no deleted ones', async () => {
    expect(await ids('')).toEqual(['a', 'd', 'c', 'b']);
  });

  test.each([
    ['_sort=date', ['d', 'b', 'a', 'c']],
    ['_sort=-date', ['a', 'b', 'd', 'c']],
    ['_sort=value-quantity', ['a', 'd']],
    ['_sort=-value-quantity', ['d', 'a']],
    ['_sort=value-string', ['c', 'b']],
    ['_sort=_id', ['a', 'b', 'c', 'd']],
    ['_sort=-_id', ['d', 'c', 'b', 'a']],
    ['_sort=_lastUpdated', ['b', 'c', 'd', 'a']],
    ['_sort=value-string,-date', ['c', 'b', 'a', 'd']],
    ['_sort=value-quantity,_id', ['a', 'd', 'b', 'c']],
    ['_sort=-value-quantity,-_id', ['d', 'a', 'c', 'b']],
    ['status=final&_sort=-date', ['a', 'b', 'd', 'c']],
    ['status=final&_sort=-value-quantity,-_id', ['d', 'a', 'c', 'b']],
    ['_sort=category', ['b', 'c', 'd', 'a']],
    ['_sort=-category', ['b', 'd', 'c', 'a']],
    ['_sort=performer', ['d', 'a', 'c', 'b']],
    ['_sort=-performer', ['d', 'c', 'a', 'b']],
    ['_sort=_profile,_id', ['a', 'd', 'b', 'c']],
    ['_sort=-_profile,-_id', ['a', 'd', 'c', 'b']],
    ['_sort=status,-date', ['a', 'b', 'd', 'c']],
    ['_sort=status,value-quantity,_id', ['a', 'd', 'b', 'c']],
    ['_sort=value-quantity,status,-_id', ['a', 'd', 'c', 'b']],
    ['status:not=amended&_sort=-status,value-string,-_lastUpdated', ['c', 'b', 'a', 'd']],
  ])('%s orders, what has no such value last', async (query, order) => {
    expect((await ids(query)).slice(0, order.length)).toEqual(order);
    expect((await walk(query, 1)).slice(0, order.length)).toEqual(order);
    expect((await walk(query, 3)).toSorted()).toEqual(['a', 'b', 'c', 'd']);
  });

  test.each([
    '',
    'status=final',
    '_sort=date',
    '_sort=-date',
    'status=final&_sort=value-quantity',
    '_sort=value-string,_id',
    'code:text=x&_sort=date',
    '_sort=category',
    'status=final&_sort=-performer',
    '_sort=status,-date',
    '_sort=-date,performer',
    'code:text=x&_sort=_profile',
  ])('pages of "%s" neither skip nor repeat what stays as it is while others are written', async (query) => {
    const before = await ids(query);
    let n = 0;
    const seen = await walk(query, 1, async () => {
      n++;
      if (n < 10) await write(observation(`new-${String(n)}`, { effectiveDateTime: '2019-12-31', valueQuantity: { value: n } }));
    });
    const stayed = seen.filter((id) => !id.startsWith('new-'));
    expect(stayed).toEqual(before);
    await write(...Array.from({ length: Math.min(n, 9) }, (_unused, i) => remove('Observation', `new-${String(i + 1)}`)));
  });

  test('totals', async () => {
    const total = async (query: string, count: number) =>
      (await side.reader.search(semantics.parse('Observation', query, { handling: 'strict' }), { count })).total;
    expect(await total('_total=accurate', 1)).toBe(4);
    expect(await total('_total=estimate', 1)).toBe(4);
    expect(await total('_total=none', 10)).toBeUndefined();
    expect(await total('', 10)).toBe(4);
    expect(await total('_summary=count', 10)).toBe(4);
    expect(await total('_count=0&status=amended', 10)).toBe(0);
  });

  test('ids of at most so many matches', async () => {
    const query = semantics.parse('Observation', 'status=final', { handling: 'strict' });
    expect(await side.reader.findIds(query, 2)).toHaveLength(2);
    expect(await side.reader.findIds(query, 9)).toHaveLength(4);
  });
});
