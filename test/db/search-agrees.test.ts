import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { FhirError } from '../../src/fhir/fhir-error.js';
import { parseJson } from '../../src/fhir/json-text.js';
import { stampResource } from '../../src/fhir/stamp-resource.js';
import { FaceReader } from '../../src/pull/face-reader.js';
import { knownPlaces } from '../../src/pull/places.js';
import type { Query } from '../../src/search/query.js';
import { SearchDefinitions } from '../../src/search/search-definitions.js';
import { SearchSemantics } from '../../src/search/search-semantics.js';
import { PostgresChangeStore } from '../../src/storage/change-store.js';
import type { Database } from '../../src/storage/database.js';
import { PostgresResourceReader } from '../../src/storage/resource-reader.js';
import { SearchDatabase } from '../../src/storage/search-database.js';
import { LocalWakeUps } from '../../src/wake-ups/wake-ups.js';
import { findNodes, type Resource } from '../reference/find-nodes.js';
import { type Definition, definitionOf, RESOURCE_TYPES } from '../reference/official-definitions.js';
import { PlainSearch, Refused } from '../reference/plain-search.js';
import { type Kind, readValues, type ValuesOf } from '../reference/read-values.js';
import { type Choose, escaped, modifiers, writeValue } from '../reference/write-queries.js';
import { type OpenClone, openClone } from '../support/open-clone.js';

/*
 * All official examples, searched twice with the same query: by SQL on the hub's index, and by a reference that was written from the rules alone
 * (test/reference), walks over every resource and has nothing of the hub in it, so that an error in reading values or in what a condition means
 * cannot be in both. Queries are made from values that the examples hold, and from what lies beside them. The sets must be equal.
 *
 * SEARCH_RUNS is the number of queries for each kind of parameter, SEARCH_SEED what they are made from.
 */

const RUNS = Number(process.env['SEARCH_RUNS'] ?? 250);
const SEED = Number(process.env['SEARCH_SEED'] ?? 20260415);
const BASE = 'http://hub.example/fhir/r4b';
const NOW = Date.parse('2026-11-01');
/** By type. */
const examples = new Map<string, Resource[]>();
const semantics = new SearchSemantics(SearchDefinitions.load(), [BASE]);
const reference = new PlainSearch([BASE], NOW, (type) => examples.get(type) ?? []);
const folder = dirname(createRequire(import.meta.url).resolve('hl7.fhir.r4b.examples/package.json'));
const NEVER_STORED = new Set(['Parameters', 'OperationOutcome', 'SubscriptionStatus']);

let clone: OpenClone;
let database: Database;
let searches: SearchDatabase;
let reader: PostgresResourceReader;
let faces: FaceReader;

beforeAll(async () => {
  clone = await openClone();
  database = clone.database;
  searches = new SearchDatabase(clone.url, 4, () => undefined, 30_000);
  reader = new PostgresResourceReader(database, searches, semantics, 30_000);
  faces = new FaceReader(reader, semantics, []);
  const at = Date.parse('2026-11-01T10:00:00.123Z');
  const store = new PostgresChangeStore(
    database,
    ({ type, id, value }, lastUpdated) => semantics.indexRows(semantics.extract(type, value, { id, lastUpdated })),
    new LocalWakeUps(),
    {},
    () => at,
  );
  const writes = [];
  for (const file of readdirSync(folder)) {
    if (!file.endsWith('.json') || file.startsWith('package') || file.startsWith('.')) continue;
    const { text, value } = parseJson(readFileSync(join(folder, file)));
    const resource = value as Record<string, unknown>;
    const type = resource['resourceType'];
    if (typeof type !== 'string' || NEVER_STORED.has(type) || !RESOURCE_TYPES.includes(type)) continue;
    // Bodies of megabytes make the test slow and say nothing more.
    if (text.length > 200_000) continue;
    const ofType = examples.get(type) ?? [];
    examples.set(type, ofType);
    // Their own ids, so that they refer to one another, where two do not have the same.
    const own = String(resource['id']);
    const isFree = /^[A-Za-z0-9.-]{1,64}$/.test(own) && !ofType.some(({ id }) => id === own);
    const id = isFree ? own : `e${String(ofType.length)}`;
    const stamped = stampResource(text, { id, versionId: '1', lastUpdated: new Date(at).toISOString() });
    ofType.push(JSON.parse(stamped) as Resource);
    writes.push(
      store.write({ face: 'r4b', writes: [{ kind: 'create', method: 'PUT', resource: { type, id, text, value: resource } }] }),
    );
  }
  await Promise.all(writes);
  await database.run({ text: 'ANALYZE' });
}, 300_000);

afterAll(async () => {
  await searches.close();
  await clone.drop();
});

type Pairs = readonly (readonly [name: string, value: string])[];

/** What a condition is refused with; otherwise what the other finds. */
function refusedOr<T, R>(refusal: new (...args: never[]) => R, find: () => T): T | 'refused' {
  try {
    return find();
  } catch (error) {
    if (error instanceof refusal) return 'refused';
    throw error;
  }
}

/** @returns how many both found */
async function agree(type: string, query: Pairs): Promise<number> {
  const expected = refusedOr(Refused, () => reference.find(type, query).map(({ id }) => id));
  const places = await knownPlaces(faces, semantics, 'r4b', [type], query);
  const parsed = refusedOr(FhirError, () => semantics.parse(type, query, { handling: 'strict', now: NOW, places }));
  const found = parsed === 'refused' ? parsed : await idsFound(parsed);
  expect({ type, query, found: sorted(found) }).toEqual({ type, query, found: sorted(expected) });
  return typeof found === 'string' ? 0 : found.length;
}

async function idsFound(parsed: Query): Promise<string[]> {
  const page = await reader.search(parsed, { count: 5000 });
  expect(page.next).toBeUndefined();
  const { total } = await reader.search({ ...parsed, countOnly: true }, { count: 1 });
  expect(total).toBe(page.matches.length);
  return page.matches.map(({ id }) => id);
}

const sorted = (ids: 'refused' | readonly (string | undefined)[]) => (typeof ids === 'string' ? ids : ids.toSorted());

/** Every parameter of a kind, with the examples that have values for it. */
function parametersOfKind(kind: Definition['type']): { type: string; definition: Definition; holders: Resource[] }[] {
  return [...examples].flatMap(([type, resources]) =>
    [...reference.parametersOf(type).values()]
      .filter((definition) => definition.type === kind)
      .map((definition) => ({
        type,
        definition,
        holders: resources.filter((resource) => reference.nodesOf(definition, resource).length > 0),
      })),
  );
}

/** Takes what it is bid, over and over. */
function chooser(bids: readonly number[]): Choose {
  let at = 0;
  return <T>(of: readonly T[]): T => {
    const bid = bids[at++ % bids.length] as number;
    return of[(bid + at) % of.length] as T;
  };
}

const isKind = (kind: Definition['type']): kind is Kind => kind !== 'composite';

/** One `name=value` for a parameter, from values of its holders. */
function written(
  { definition, holders }: { definition: Definition; holders: readonly Resource[] },
  choose: Choose,
  count: number,
): [string, string] | undefined {
  const { type: kind, code } = definition;
  if (!isKind(kind)) return writtenComposite(definition, holders, choose);
  const chosen = choose(modifiers(kind));
  const modifier = chosen === ':type' ? choose(definition.target ?? RESOURCE_TYPES) : chosen;
  const texts = Array.from({ length: count }, () => {
    const holder = choose(holders);
    const values: ValuesOf[Kind][] = reference.valuesOf(kind, definition, holder);
    return values.length === 0 ? undefined : writeValue(kind, choose(values) as never, modifier, choose, BASE);
  }).filter((text) => text !== undefined);
  if (texts.length === 0) return [`${code}:missing`, choose(['true', 'false'])];
  return [modifier === '' ? code : `${code}:${modifier}`, texts.join(',')];
}

function writtenComposite(definition: Definition, holders: readonly Resource[], choose: Choose): [string, string] | undefined {
  const holder = choose(holders);
  const nodes = reference.nodesOf(definition, holder);
  const parts = (definition.component ?? []).map(({ definition: url, expression }) => {
    const part = definitionOf(url);
    if (!isKind(part.type)) return undefined;
    // Mostly of the same node, sometimes of another one.
    const node = choose([nodes[0], nodes[0], nodes[0], choose(nodes)]);
    const { type: kind } = part;
    const values =
      node === undefined ? [] : findNodes(expression, holder, node).flatMap((each) => readValues(kind, each, [BASE]));
    // Two parts that both are beside what is there would never be found.
    const mostlyFirst: Choose = (of) => (choose([true, true, false]) ? (of[0] as (typeof of)[number]) : choose(of));
    return values.length === 0 ? undefined : writeValue(kind, choose(values) as never, '', mostlyFirst, BASE);
  });
  return parts.includes(undefined) ? undefined : [definition.code, parts.join('$')];
}

const bids = fc.array(fc.nat(9_999), { minLength: 12, maxLength: 12 });
const KINDS = ['token', 'reference', 'uri', 'string', 'date', 'number', 'quantity', 'special', 'composite'] as const;

describe('searching finds what the rules say', () => {
  test.each(KINDS)(
    'by a parameter of type %s',
    async (kind) => {
      const pool = parametersOfKind(kind).filter(({ holders }) => holders.length > 0);
      expect(pool.length).toBeGreaterThan(0);
      let asked = 0;
      let hits = 0;
      const clause = fc.record({ at: fc.nat(99_999), bids, count: fc.integer({ min: 1, max: 3 }) });
      await fc.assert(
        fc.asyncProperty(fc.array(clause, { minLength: 1, maxLength: 2 }), async (clauses) => {
          const first = pool[(clauses[0] as (typeof clauses)[0]).at % pool.length] as (typeof pool)[number];
          const query = clauses.flatMap((each, i): [string, string][] => {
            const others = pool.filter(({ type }) => type === first.type);
            const of = i === 0 ? first : (others[each.at % others.length] as typeof first);
            const pair = written(of, chooser(each.bids), each.count);
            return pair === undefined || pair[1] === '' || pair[1].length > 4000 ? [] : [pair];
          });
          fc.pre(query.length > 0);
          asked++;
          hits += Math.min(1, await agree(first.type, query));
        }),
        { numRuns: RUNS, seed: SEED },
      );
      // A test that mostly finds nothing would prove little.
      expect(hits / asked).toBeGreaterThan(0.1);
    },
    3_600_000,
  );

  test('by :missing', async () => {
    const all = KINDS.flatMap((kind) => (kind === 'composite' ? [] : parametersOfKind(kind)));
    const some = fc.sample(fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length }), {
      numRuns: 1,
      seed: SEED,
    })[0];
    for (const { type, definition } of (some ?? []).slice(0, RUNS)) {
      await agree(type, [[`${definition.code}:missing`, 'true']]);
      await agree(type, [[`${definition.code}:missing`, 'false']]);
    }
  }, 3_600_000);

  test('by _lastUpdated, with every prefix, around the instant of the writing', async () => {
    for (const prefix of ['', 'eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap']) {
      for (const instant of [
        '2026-11-01T10:00:00.123Z',
        '2026-11-01T10:00:00.124Z',
        '2026-11-01T10:00:00Z',
        '2026-11-01',
        '2025',
      ]) {
        await agree('Patient', [['_lastUpdated', prefix + instant]]);
      }
    }
  });

  test('text with the metacharacters of SQL is text', async () => {
    for (const text of [
      "'",
      '"',
      '%',
      '_',
      "x' OR '1'='1",
      '\\\\',
      '$1',
      '--',
      ';',
      '{}',
      '{"}',
      'a\u2028b',
      '🦊',
      '\u{10ffff}',
      '\ud7ff',
    ]) {
      for (const name of ['name', 'name:contains', 'name:exact', 'identifier', '_id', 'gender:not', 'phone']) {
        await agree('Patient', [[name, escaped(text)]]);
      }
    }
  });
});
