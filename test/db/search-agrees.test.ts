import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { parseJson } from '../../src/fhir/json-text.js';
import { stampResource } from '../../src/fhir/stamp-resource.js';
import { clauseHolds } from '../../src/search/clause-holds.js';
import { SearchDefinitions } from '../../src/search/search-definitions.js';
import { SearchSemantics } from '../../src/search/search-semantics.js';
import { codingKey, officialTerminology } from '../../src/search/terminology.js';
import type { ExtractedValues, ParameterValues, SearchParameter, TokenValue } from '../../src/search/values.js';
import { PostgresChangeStore } from '../../src/storage/change-store.js';
import { Database } from '../../src/storage/database.js';
import { PostgresResourceReader } from '../../src/storage/resource-reader.js';
import { SearchDatabase } from '../../src/storage/search-database.js';
import { LocalWakeUps } from '../../src/wake-ups/wake-ups.js';
import { cloneDatabase, type TestDatabase } from '../support/clone-database.js';

/*
 * All official examples, searched twice with the same query: by SQL on the index, and by walking every resource in memory and asking
 * `clauseHolds`. The queries are made from the examples' own values, so most of them find something. The sets must be equal.
 */

const semantics = new SearchSemantics(SearchDefinitions.load(), ['http://hub.example/fhir/r4b']);
const folder = dirname(createRequire(import.meta.url).resolve('hl7.fhir.r4b.examples/package.json'));
const NEVER_STORED = new Set(['Parameters', 'OperationOutcome', 'SubscriptionStatus']);

interface Example {
  id: string;
  values: ExtractedValues;
}

const examples = new Map<string, Example[]>();
let clone: TestDatabase;
let database: Database;
let searches: SearchDatabase;
let reader: PostgresResourceReader;

beforeAll(async () => {
  clone = await cloneDatabase();
  database = new Database(clone.url, 4, () => undefined);
  searches = new SearchDatabase(clone.url, 4, () => undefined, 30_000);
  reader = new PostgresResourceReader(database, searches, semantics, 30_000);
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
    if (typeof type !== 'string' || NEVER_STORED.has(type) || !semantics.definitions.isResourceType(type)) continue;
    // Bodies of megabytes make the test slow and say nothing more.
    if (text.length > 200_000) continue;
    const ofType = examples.get(type) ?? [];
    examples.set(type, ofType);
    const id = `e${String(ofType.length)}`;
    const stamped = stampResource(text, { id, versionId: '1', lastUpdated: new Date(at).toISOString() });
    ofType.push({ id, values: semantics.extract(type, JSON.parse(stamped)) });
    writes.push(
      store.write({ face: 'r4b', writes: [{ kind: 'create', method: 'PUT', resource: { type, id, text, value: resource } }] }),
    );
  }
  await Promise.all(writes);
  await database.run({ text: 'ANALYZE' });
}, 300_000);

afterAll(async () => {
  await database.close();
  await searches.close();
  await clone.drop();
});

/** Every value that some example has for a parameter of one kind, with where it was found. */
function found(kind: ParameterValues['type']): { type: string; parameter: SearchParameter; values: ParameterValues }[] {
  const all = [];
  for (const [type, ofType] of examples) {
    const seen = new Map<string, number>();
    for (const { values } of ofType) {
      for (const [code, each] of values.entries()) {
        const parameter = semantics.definitions.find(type, code);
        const times = seen.get(code) ?? 0;
        if (each.type !== kind || parameter === undefined || parameter.type === 'special' || times > 12) continue;
        seen.set(code, times + 1);
        all.push({ type, parameter, values: each });
      }
    }
  }
  return all;
}

async function agree(type: string, query: readonly (readonly [string, string])[]): Promise<number> {
  const parsed = semantics.parse(type, query, { handling: 'strict', now: Date.parse('2026-11-01') });
  const walked = (examples.get(type) ?? []).filter(({ values }) => parsed.clauses.every((clause) => clauseHolds(clause, values)));
  const page = await reader.search(parsed, { count: 5000 });
  expect({ type, query, ids: page.matches.map(({ id }) => id).sort() }).toEqual({
    type,
    query,
    ids: walked.map(({ id }) => id).sort(),
  });
  expect(page.next).toBeUndefined();
  const { total } = await reader.search({ ...parsed, countOnly: true }, { count: 1 });
  expect(total).toBe(walked.length);
  return walked.length;
}

const escaped = (text: string) => text.replace(/[\\,|$]/g, '\\$&');
const PREFIXES = ['', 'eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'];

/** What a client could write to ask for a value of the resource, or for one near it. */
function written(kind: ParameterValues['type'], value: unknown, n: number): { suffix: string; text: string } {
  const pick = <T>(of: readonly T[]): T => of[n % of.length] as T;
  switch (kind) {
    case 'token':
      return writtenToken(value as TokenValue, pick);
    case 'uri':
      return { suffix: pick(['', '', ':below', ':above']), text: escaped(value as string) };
    case 'string': {
      const { exact } = value as { exact: string };
      const cut = n % (exact.length + 1);
      const text = pick([exact, exact.slice(0, cut), exact.slice(cut), exact.slice(0, cut).toUpperCase(), exact]);
      return { suffix: pick(['', ':exact', ':contains']), text: escaped(text.toWellFormed()) };
    }
    case 'date': {
      const { low, high } = value as { low: number; high: number };
      const at = Number.isFinite(low) ? low : Number.isFinite(high) ? high : 0;
      const iso = new Date(at + pick([0, 0, 1, -1, 86_400_000])).toISOString();
      return {
        suffix: '',
        text: pick(PREFIXES) + pick([iso, iso.slice(0, 10), iso.slice(0, 7), iso.slice(0, 4), `${iso.slice(0, 16)}Z`]),
      };
    }
    case 'number':
    case 'quantity': {
      const { low, high, system, code, unit } = value as {
        low: number;
        high: number;
        system?: string;
        code?: string;
        unit?: string;
      };
      const at = Number.isFinite(low) ? low : Number.isFinite(high) ? high : 0;
      const number =
        pick(PREFIXES) + pick([String(at), at.toFixed(2), String(Math.round(at)), at.toExponential(1), String(at + 1)]);
      if (kind === 'number') return { suffix: '', text: number };
      const name = code ?? unit;
      const units =
        name === undefined
          ? ['']
          : ['', `|${escaped(system ?? '')}|${escaped(name)}`, `||${escaped(name)}`, `||${escaped(unit ?? name)}`];
      return { suffix: '', text: number + pick(units) };
    }
    case 'reference': {
      const { type, id, url, identifier, version } = value as {
        type?: string;
        id?: string;
        url?: string;
        version?: string;
        identifier?: TokenValue;
      };
      if (identifier !== undefined && n % 2 === 0) return { suffix: ':identifier', text: writtenToken(identifier, pick).text };
      if (type !== undefined && id !== undefined) {
        return pick([
          { suffix: '', text: `${type}/${id}` },
          { suffix: '', text: id },
          { suffix: '', text: `http://hub.example/fhir/r4b/${type}/${id}` },
          { suffix: `:${type}`, text: id },
        ]);
      }
      return { suffix: '', text: escaped(version === undefined || n % 2 === 0 ? (url ?? 'none:x') : `${url ?? ''}|${version}`) };
    }
    case 'composite':
      return {
        suffix: '',
        text: (value as ParameterValues[])
          .map((part, i) => written(part.type, part.values[n % part.values.length], n + i).text)
          .join('$'),
      };
  }
}

function writtenToken({ system, code, text, typeCodings }: TokenValue, pick: <T>(of: readonly T[]) => T) {
  const forms: { suffix: string; text: string }[] = [];
  if (code !== undefined) {
    const full = `${escaped(system ?? '')}|${escaped(code)}`;
    forms.push(
      { suffix: '', text: full },
      { suffix: '', text: escaped(code) },
      { suffix: ':not', text: full },
      { suffix: '', text: `|${escaped(code)}` },
    );
    const coding = typeCodings?.[0];
    if (coding?.code !== undefined) {
      forms.push({ suffix: ':of-type', text: `${escaped(coding.system ?? '')}|${escaped(coding.code)}|${escaped(code)}` });
    }
  }
  if (system !== undefined && system !== '') forms.push({ suffix: '', text: `${escaped(system)}|` });
  if (text !== undefined && text.trim() !== '') forms.push({ suffix: ':text', text: escaped(text.slice(0, 12).toWellFormed()) });
  return forms.length === 0 ? { suffix: ':missing', text: 'false' } : pick(forms);
}

const KINDS = ['token', 'reference', 'uri', 'string', 'date', 'number', 'quantity', 'composite'] as const;

describe('searching by SQL and walking in memory find the same', () => {
  test.each(KINDS)('%s', async (kind) => {
    const pool = found(kind);
    expect(pool.length).toBeGreaterThan(0);
    let asked = 0;
    let hits = 0;
    const one = fc.tuple(fc.nat(pool.length - 1), fc.nat(100), fc.nat(10_000));
    await fc.assert(
      fc.asyncProperty(one, async ([at, which, n]) => {
        const { type, parameter, values } = pool[at] as (typeof pool)[number];
        const { suffix, text } = written(kind, values.values[which % values.values.length], n);
        fc.pre(text !== '' && text.length < 4000 && isWellFormed(type, parameter.code + suffix, text));
        const also = pool[(at + 1) % pool.length] as (typeof pool)[number];
        const second = also.type === type && n % 3 === 0 ? written(kind, also.values.values[0], n + 1) : undefined;
        const query: [string, string][] = [[parameter.code + suffix, text]];
        if (second !== undefined && isWellFormed(type, also.parameter.code + second.suffix, second.text)) {
          query.push([also.parameter.code + second.suffix, second.text]);
        }
        asked++;
        hits += Math.min(1, await agree(type, query));
      }),
      { numRuns: 300 },
    );
    // A test that mostly finds nothing would prove little.
    expect(hits / asked).toBeGreaterThan(0.1);
  });

  test('OR lists', async () => {
    const pool = found('token');
    await fc.assert(
      fc.asyncProperty(fc.nat(pool.length - 1), fc.nat(10_000), async (at, n) => {
        const { type, parameter } = pool[at] as (typeof pool)[number];
        const others = pool.filter((other) => other.type === type && other.parameter.code === parameter.code).slice(0, 4);
        const texts = others
          .map(({ values }) => (values.values[0] as TokenValue).code)
          .filter((code) => code !== undefined && code !== '');
        fc.pre(texts.length > 0);
        await agree(type, [[parameter.code + (n % 2 ? '' : ':not'), texts.map((text) => escaped(text as string)).join(',')]]);
      }),
      { numRuns: 60 },
    );
  });

  test(':missing, for every parameter of some types', async () => {
    for (const type of ['Patient', 'Observation', 'Encounter', 'MedicationRequest']) {
      for (const { code, type: kind } of semantics.parametersOf(type)) {
        if (kind === 'special' || kind === 'composite') continue;
        await agree(type, [[`${code}:missing`, 'true']]);
        await agree(type, [[`${code}:missing`, 'false']]);
      }
    }
  });

  test('value sets and hierarchies of codes', async () => {
    const pool = found('token').flatMap(({ type, parameter, values }) =>
      (values.values as TokenValue[]).flatMap(({ system, code }) =>
        system !== undefined && code !== undefined && isListed(system)
          ? [{ type, code: parameter.code, system, asked: code }]
          : [],
      ),
    );
    expect(pool.length).toBeGreaterThan(100);
    let hits = 0;
    const one = fc.tuple(fc.nat(pool.length - 1), fc.constantFrom('in', 'not-in', 'above', 'below'), fc.nat(1_000));
    await fc.assert(
      fc.asyncProperty(one, async ([at, modifier, n]) => {
        const { type, code, system, asked } = pool[at] as (typeof pool)[number];
        const sets = setsWith(codingKey(system, asked));
        const text = modifier.endsWith('in') ? sets[n % sets.length] : `${escaped(system)}|${escaped(asked)}`;
        fc.pre(text !== undefined);
        hits += Math.min(1, await agree(type, [[`${code}:${modifier}`, text as string]]));
      }),
      { numRuns: 100 },
    );
    expect(hits).toBeGreaterThan(50);
  });

  test('_lastUpdated, by every prefix, around the instant of the writing', async () => {
    for (const prefix of PREFIXES) {
      for (const instant of [
        '2026-11-01T10:00:00.123Z',
        '2026-11-01T10:00:00.124Z',
        '2026-11-01T10:00:00Z',
        '2026-11-01',
        '2026',
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

const terminology = officialTerminology();
const expansions = new Map<string, ReadonlySet<string>>();
for (const name of ['administrative-gender', 'observation-status', 'condition-clinical', 'publication-status', 'resource-types'])
  expansions.set(name, terminology.expand(`http://hl7.org/fhir/ValueSet/${name}`));

const setsWith = (key: string) =>
  [...expansions].filter(([, keys]) => keys.has(key)).map(([name]) => `http://hl7.org/fhir/ValueSet/${name}`);

const isListed = (system: string) => terminology.codeSystem(system)?.content === 'complete';

function isWellFormed(type: string, name: string, text: string): boolean {
  try {
    semantics.parse(type, [[name, text]], { handling: 'strict' });
    return true;
  } catch {
    return false;
  }
}
