import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { stampResource } from '../../src/fhir/stamp-resource.js';
import type { Write } from '../../src/intake/change-store.js';
import { clauseHolds } from '../../src/search/clause-holds.js';
import { SearchDefinitions } from '../../src/search/search-definitions.js';
import { SearchSemantics } from '../../src/search/search-semantics.js';
import type { ExtractedValues } from '../../src/search/values.js';
import { PostgresChangeStore } from '../../src/storage/change-store.js';
import type { Database } from '../../src/storage/database.js';
import { PostgresFullTextIndex } from '../../src/storage/full-text-index.js';
import { PostgresResourceReader } from '../../src/storage/resource-reader.js';
import { SearchDatabase } from '../../src/storage/search-database.js';
import { LocalWakeUps } from '../../src/wake-ups/wake-ups.js';
import { UNINDEXED_CHANGES } from '../../src/storage/sql/full-text-search.sql.js';
import { type OpenClone, openClone } from '../support/open-clone.js';
import { waitFor } from '../support/wait-for.js';

/*
 * Official examples, searched for their own words: by the index, as far as it has come, and by walking every resource and asking `clauseHolds`.
 * The sets must be equal wherever the index stands, and whether matches are listed or probed.
 */

const semantics = new SearchSemantics(SearchDefinitions.load(), ['http://hub.example/fhir/r4b']);
const folder = dirname(createRequire(import.meta.url).resolve('hl7.fhir.r4b.examples/package.json'));
const TYPES = ['Observation', 'Patient', 'Condition', 'DiagnosticReport', 'Composition', 'ValueSet'];
const AT = Date.parse('2026-11-01T10:00:00.123Z');

interface Example {
  id: string;
  values: ExtractedValues;
}

const living = new Map<string, Map<string, Example>>(TYPES.map((type) => [type, new Map()]));
let clone: OpenClone;
let database: Database;
let searches: SearchDatabase;
let store: PostgresChangeStore;
let index: PostgresFullTextIndex;

beforeAll(async () => {
  clone = await openClone();
  database = clone.database;
  searches = new SearchDatabase(clone.url, 4, () => undefined, 30_000);
  index = new PostgresFullTextIndex(database);
  store = new PostgresChangeStore(
    database,
    ({ type, id, value }, lastUpdated) => semantics.indexRows(semantics.extract(type, value, { id, lastUpdated })),
    new LocalWakeUps(),
    {},
    () => AT,
  );
  const writes: Promise<void>[] = [];
  for (const file of readdirSync(folder)) {
    const type = TYPES.find((each) => file.startsWith(`${each}-`));
    if (type === undefined || !file.endsWith('.json')) continue;
    const text = readFileSync(join(folder, file), 'utf8');
    const ofType = living.get(type)!;
    if (text.length > 100_000 || ofType.size >= 40) continue;
    writes.push(put(type, `e${String(ofType.size)}`, JSON.parse(text) as object));
  }
  // A text that is too long for places, and one of too many words to be kept.
  writes.push(
    put('Condition', 'long', { resourceType: 'Condition', note: [{ text: 'common words then rare words '.repeat(5000) }] }),
  );
  const many = Array.from({ length: 50_000 }, (_, i) => `wordofthemanywords${i.toString(36)}`).join(' ');
  writes.push(put('Condition', 'huge', { resourceType: 'Condition', note: [{ text: `blue moon ${many}` }] }));
  await Promise.all(writes);
}, 120_000);

afterAll(async () => {
  await searches.close();
  await clone.drop();
});

async function put(type: string, id: string, resource: object): Promise<void> {
  const value = { ...resource, id };
  const text = JSON.stringify(value);
  // Known before it is stored, so that several may be on their way.
  living.get(type)!.set(id, { id, values: semantics.extract(type, JSON.parse(stamped(text, id))) });
  await written({ kind: 'put', method: 'PUT', resource: { type, id, text, value } });
}

async function remove(type: string, id: string): Promise<void> {
  living.get(type)!.delete(id);
  await written({ kind: 'delete', type, id });
}

const stamped = (text: string, id: string) =>
  stampResource(text, { id, versionId: '1', lastUpdated: new Date(AT).toISOString() });

async function written(write: Write): Promise<void> {
  await store.write({ face: 'r4b', writes: [write] });
}

async function indexAll(): Promise<void> {
  // Transactions of others on the server may keep the newest changes unsettled for a while.
  await waitFor(async () => {
    await index.advance(200);
    return (await unindexed()) === 0;
  });
  await index.sortIn();
}

async function unindexed(): Promise<number> {
  const [row] = await database.rows<{ changes: number }>(UNINDEXED_CHANGES, [1]);
  return row!.changes;
}

async function agree(reader: PostgresResourceReader, type: string, query: [string, string][], says = ''): Promise<number> {
  const parsed = semantics.parse(type, query, { handling: 'strict' });
  const walked = [...living.get(type)!.values()].filter(({ values }) =>
    parsed.clauses.every((clause) => clauseHolds(clause, values)),
  );
  const expected = { type, query, says, ids: walked.map(({ id }) => id).sort() };
  const page = await reader.search(parsed, { count: 500 });
  expect({ type, query, says, ids: page.matches.map(({ id }) => id).sort() }).toEqual(expected);
  const { total } = await reader.search({ ...parsed, countOnly: true }, { count: 1 });
  expect({ ...expected, total }).toEqual({ ...expected, total: walked.length });
  return walked.length;
}

/** Words as they are found one behind the other, and some that nobody uses. */
function vocabulary(type: string, code: string): string[] {
  const words: string[] = ['zzyzx', 'patient', 'blood'];
  for (const { values } of living.get(type)!.values()) {
    const found = values.get(code);
    if (found?.type !== 'full-text') continue;
    const placed = [...(found.values[0] ?? [])].flatMap(([word, places]) => places.slice(0, 1).map((place) => ({ word, place })));
    words.push(
      ...placed
        .sort((a, b) => a.place - b.place)
        .map(({ word }) => word)
        .slice(0, 60),
    );
  }
  return words;
}

/** Queries as a client writes them. */
function asked(words: readonly string[]): fc.Arbitrary<string> {
  const at = fc.nat(words.length - 1);
  const term = fc.oneof(
    { weight: 4, arbitrary: at.map((i) => `"${words[i]}"`) },
    {
      weight: 2,
      arbitrary: fc.tuple(at, fc.integer({ min: 2, max: 3 })).map(([i, n]) => `"${words.slice(i, i + n).join(' ')}"`),
    },
    { weight: 1, arbitrary: at.filter((i) => /^[a-z]{3}/.test(words[i]!)).map((i) => `${words[i]!.slice(0, 3)}*`) },
  );
  const { query } = fc.letrec<{ query: string }>((tie) => ({
    query: fc.oneof(
      { maxDepth: 3, weight: 3, arbitrary: term } as never,
      { weight: 1, arbitrary: fc.tuple(tie('query'), tie('query')).map((parts) => parts.join(' ')) },
      { weight: 1, arbitrary: fc.tuple(tie('query'), tie('query')).map((parts) => `(${parts.join(' OR ')})`) },
      { weight: 1, arbitrary: tie('query').map((part) => `-(${part as string})`) },
    ) as fc.Arbitrary<string>,
  }));
  return query;
}

const READERS = [
  ['matches listed', undefined],
  ['matches probed', { referredTo: 3, referring: 3, listed: 0 }],
] as const;

describe.each(READERS)('full text on the index and in memory is the same, %s', (_, bounds) => {
  const reader = () => new PostgresResourceReader(database, searches, semantics, 30_000, bounds);

  test('for queries of their own words, wherever the index stands', async () => {
    let hits = 0;
    let runs = 0;
    for (const state of ['as it is', 'a part', 'everything']) {
      if (state === 'a part') await index.advance(50);
      if (state === 'everything') await indexAll();
      const cases = fc
        .constantFrom(...TYPES.flatMap((type) => ['_text', '_content'].map((code) => [type, code] as const)))
        .chain(([type, code]) => fc.tuple(fc.constant(type), fc.constant(code), asked(vocabulary(type, code))));
      await fc.assert(
        fc.asyncProperty(cases, async ([type, code, text]) => {
          runs += 1;
          hits += Math.min(1, await agree(reader(), type, [[code, text]], state));
        }),
        { numRuns: 20 },
      );
    }
    expect(hits / runs).toBeGreaterThan(0.3);
  }, 120_000);

  test('where places or words are too many to be kept', async () => {
    await indexAll();
    const rows = await database.rows<{ placed: boolean; without: boolean }>({
      text: `SELECT w.placed, w.words IS NULL AS without FROM resource_words AS w JOIN resource AS r USING (rid)
             WHERE r.type = 'Condition' AND r.id IN ('long', 'huge') ORDER BY r.id`,
    });
    expect(rows).toEqual([
      { placed: false, without: true },
      { placed: false, without: false },
    ]);
    for (const text of ['"words words"', '-"rare words common" -blue', 'blue "moon wordofthemanywords0"', 'blu*'])
      await agree(reader(), 'Condition', [['_content', text]]);
    expect(await agree(reader(), 'Condition', [['_content', '"rare words common"']])).toBe(1);
    expect(await agree(reader(), 'Condition', [['_content', '"blue moon"']])).toBe(1);
  });

  test('with other parameters, sorted, page by page', async () => {
    await indexAll();
    for (const query of [
      '_text=blood&status=final',
      '_content=-zzyzx&_sort=date',
      '_content=final&_sort=-_id',
      '_text=the&code:missing=false',
    ]) {
      const parsed = semantics.parse('Observation', query, { handling: 'strict' });
      const whole = await reader().search(parsed, { count: 500 });
      const paged: string[] = [];
      let after = undefined;
      do {
        const page = await reader().search(parsed, { count: 7, after });
        paged.push(...page.matches.map(({ id }) => id));
        after = page.next;
      } while (after !== undefined);
      expect(paged).toEqual(whole.matches.map(({ id }) => id));
      expect(paged.length).toBeGreaterThan(0);
    }
  });

  test('an update and a delete take the old words away at once, and for good', async () => {
    const ids = async (text: string) => {
      const page = await reader().search(semantics.parse('Patient', `_content=${text}`, { handling: 'strict' }), { count: 10 });
      return page.matches.map(({ id }) => id);
    };
    for (const between of [async () => {}, indexAll]) {
      await put('Patient', 'turncoat', { resourceType: 'Patient', name: [{ text: 'Quuxley' }] });
      await between();
      expect(await ids('quuxley')).toEqual(['turncoat']);
      await put('Patient', 'turncoat', { resourceType: 'Patient', name: [{ text: 'Grault' }] });
      await between();
      expect([await ids('quuxley'), await ids('grault')]).toEqual([[], ['turncoat']]);
      await remove('Patient', 'turncoat');
      await between();
      expect([await ids('quuxley'), await ids('grault')]).toEqual([[], []]);
    }
    const left = await database.rows({ text: `SELECT FROM resource_words AS w JOIN resource AS r USING (rid) WHERE r.deleted` });
    expect(left).toEqual([]);
  });
});

describe('indexing', () => {
  test("two processes do not get into each other's way, and nothing is left out", async () => {
    for (let n = 0; n < 40; n++)
      await put('Patient', `many${String(n)}`, { resourceType: 'Patient', name: [{ text: `Waldo ${String(n)}` }] });
    const other = new PostgresFullTextIndex(database);
    await waitFor(async () => {
      await Promise.all([index.advance(7), other.advance(7)]);
      return (await unindexed()) === 0;
    });
    const [row] = await database.rows<{ missing: number }>({
      text: `SELECT count(*)::integer AS missing FROM resource AS r LEFT JOIN resource_words AS w ON w.rid = r.rid AND w.version = r.version
             WHERE NOT r.deleted AND w.rid IS NULL`,
    });
    expect(row?.missing).toBe(0);
  });

  test('works out words without holding up those who follow the change log', async () => {
    await put('Patient', 'last', { resourceType: 'Patient' });
    const xids: unknown[] = [];
    const watched = Object.create(database) as Database;
    watched.transaction = (work, options) =>
      database.transaction(
        (tx) =>
          work({
            ...tx,
            rows: tx.rows,
            run: async (sql, values) => {
              xids.push(...(await tx.rows({ text: 'SELECT pg_current_xact_id_if_assigned()::text AS xid' })));
              return tx.run(sql, values);
            },
          }),
        options,
      );
    const waiting = new PostgresFullTextIndex(watched);
    await waitFor(async () => ((await waiting.advance(10))?.changes ?? 0) > 0);
    expect(xids).toEqual([{ xid: null }]);
    await index.sortIn();
  });

  test('a resource that cannot be kept is passed over, and found all the same', async () => {
    await put('Patient', 'awkward', { resourceType: 'Patient', name: [{ text: 'Plugh' }] });
    await waitFor(async () => {
      await index.advance(10, true);
      return (await unindexed()) === 0;
    });
    const reader = new PostgresResourceReader(database, searches, semantics, 30_000);
    expect(await agree(reader, 'Patient', [['_content', 'plugh']])).toBe(1);
  });
});
