import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { NEVER_STORED } from '../../src/fhir/never-stored.js';
import { includeResources } from '../../src/pull/include-resources.js';
import { clauseHolds } from '../../src/search/clause-holds.js';
import type { Include, Link, LinkedQuery } from '../../src/search/query.js';
import { SearchDefinitions } from '../../src/search/search-definitions.js';
import { SearchSemantics } from '../../src/search/search-semantics.js';
import type { ExtractedValues } from '../../src/search/values.js';
import { PostgresChangeStore } from '../../src/storage/change-store.js';
import type { Database } from '../../src/storage/database.js';
import { PostgresResourceReader } from '../../src/storage/resource-reader.js';
import { SearchDatabase } from '../../src/storage/search-database.js';
import { LocalWakeUps } from '../../src/wake-ups/wake-ups.js';
import { type OpenClone, openClone } from '../support/open-clone.js';
import { officialExamples } from '../unit/search/official-examples.js';

/*
 * Chains and `_has` over the official examples, which refer to one another, asked twice: of the database, and of a plain walk over all
 * resources that has no index. The queries are made by walking from a resource with a known value along references, in either direction,
 * so most of them find something. Asked of the database both ways that it has: other ends found first, and candidates tested.
 */

interface Example {
  type: string;
  id: string;
  values: ExtractedValues;
}

interface Reference {
  from: Example;
  code: string;
  to: Example;
}

const semantics = new SearchSemantics(SearchDefinitions.load(), ['http://hub.example/fhir/r4b']);
/** Of all references those by a canonical. */
const canonicals: Reference[] = [];
const world = new Map<string, Example>();
const bodies = new Map<string, string>();
const references: Reference[] = [];
const referring = new Map<Example, Reference[]>();
const referredTo = new Map<Example, Reference[]>();
const LIBRARY = 'http://c.example/Library/l';
/** What the examples lack: several versions of one canonical, and canonicals that name one of them, another, or none. */
const VERSIONED = [
  ...[undefined, '1', '1.0', '2.0-beta'].map((version, n) => ({
    resourceType: 'Library',
    id: `v${n}`,
    url: LIBRARY,
    version,
    name: `Lib${n}`,
    status: n % 2 ? 'active' : 'draft',
    type: { text: 'x' },
  })),
  ...['', '|1', '|1.0', '|3', '|', '/other', '#part', '|2.0-beta'].map((version, n) => ({
    resourceType: n % 2 ? 'Measure' : 'PlanDefinition',
    id: `by${n}`,
    url: `http://c.example/by/${n}`,
    name: `By${n}`,
    status: n % 3 ? 'active' : 'draft',
    library: n === 5 ? [`${LIBRARY}${version}`, `${LIBRARY}|1`] : [`${LIBRARY}${version}`],
    relatedArtifact: [{ type: 'derived-from', resource: `http://c.example/by/${n + 1}` }],
  })),
] as { resourceType: string; id: string }[];

let clone: OpenClone;
let database: Database;
let searches: SearchDatabase;

beforeAll(async () => {
  clone = await openClone();
  database = clone.database;
  searches = new SearchDatabase(clone.url, 4, () => undefined, 60_000);
  const store = new PostgresChangeStore(
    database,
    ({ type, id, value }, lastUpdated) => semantics.indexRows(semantics.extract(type, value, { id, lastUpdated })),
    new LocalWakeUps(),
    {},
    Date.now,
  );
  const writes = [];
  for (const resource of [...officialExamples(semantics.definitions).map((each) => each.resource), ...VERSIONED]) {
    const { resourceType: type, id = '' } = resource;
    const text = JSON.stringify(resource);
    if (NEVER_STORED.has(type) || world.has(`${type}/${id}`) || id === '' || text.length > 100_000) continue;
    world.set(`${type}/${id}`, { type, id, values: semantics.extract(type, resource, { id, lastUpdated: new Date() }) });
    bodies.set(`${type}/${id}`, text);
    writes.push(
      store.write({ face: 'r4b', writes: [{ kind: 'put', method: 'PUT', resource: { type, id, text, value: resource } }] }),
    );
  }
  await Promise.all(writes);
  await database.run({ text: 'ANALYZE' });
  for (const example of world.values()) for (const map of [referring, referredTo]) map.set(example, []);
  for (const from of world.values()) {
    for (const [code, found] of from.values.entries()) {
      if (found.type !== 'reference' || semantics.definitions.find(from.type, code)?.type !== 'reference') continue;
      for (const { type, id, url, version } of found.values) {
        if (url !== undefined) noteCanonical({ from, code }, url, version);
        const to = world.get(`${type ?? ''}/${id ?? ''}`);
        if (to && semantics.definitions.find(from.type, code)?.targets.includes(to.type)) noteReference({ from, code, to });
      }
    }
  }
}, 120_000);

afterAll(async () => {
  await searches.close();
  await clone.drop();
});

function noteReference(reference: Reference): void {
  references.push(reference);
  referredTo.get(reference.from)?.push(reference);
  referring.get(reference.to)?.push(reference);
}

/** A canonical leads to whatever bears the address as its own, in the version named if one is. */
function noteCanonical({ from, code }: Pick<Reference, 'from' | 'code'>, url: string, version: string | undefined): void {
  const targets = semantics.definitions.find(from.type, code)?.targets ?? [];
  for (const to of world.values()) {
    if (!targets.includes(to.type)) continue;
    const own = JSON.parse(bodies.get(`${to.type}/${to.id}`) ?? '{}') as { url?: string; version?: string };
    if (own.url !== url || (version && own.version !== version)) continue;
    canonicals.push({ from, code, to });
    noteReference({ from, code, to });
  }
}

/** The rules, with no index: everything is walked. */
function holds(example: Example, { clauses, links }: LinkedQuery): boolean {
  return clauses.every((clause) => clauseHolds(clause, example.values)) && links.every((link) => isLinked(example, link));
}

function isLinked(example: Example, link: Link): boolean {
  switch (link.kind) {
    case 'chain':
      return referredTo
        .get(example)!
        .some(
          ({ code, to }) =>
            code === link.parameter.code && link.targets.some((target) => target.type === to.type && holds(to, target)),
        );
    case 'has':
      return referring
        .get(example)!
        .some(({ from, code }) => code === link.parameter.code && from.type === link.source.type && holds(from, link.source));
    case 'reach':
      return link.reach.ids.includes(example.id);
  }
}

const escaped = (text: string) => text.replace(/[\\,|$]/g, '\\$&');

/** A condition that a resource meets, or nearly. */
function conditionOf({ values, id }: Example, n: number): [name: string, value: string] {
  const all = [...values.entries()].flatMap(([code, found]): [string, string][] => {
    const value = found.values[n % found.values.length];
    switch (found.type) {
      case 'token': {
        const { code: text } = value as { code?: string };
        return text === undefined || text === '' ? [] : [[n % 5 === 0 ? `${code}:not` : code, escaped(text)]];
      }
      case 'string': {
        const text = (value as { exact: string }).exact.slice(0, 1 + (n % 9)).trim();
        return text === '' ? [] : [[n % 3 === 0 ? `${code}:contains` : code, escaped(text.toWellFormed())]];
      }
      case 'date': {
        const { low } = value as { low: number };
        return Number.isFinite(low) ? [[code, `${n % 2 ? 'ge' : ''}${new Date(low).toISOString().slice(0, 10)}`]] : [];
      }
      case 'reference':
        return [[`${code}:missing`, String(n % 2 === 0)]];
      default:
        return [];
    }
  });
  return all[n % Math.max(1, all.length)] ?? ['_id', id];
}

/** Walks from a resource along references, each step putting the condition behind one more link. */
function linkedCondition(
  start: number,
  steps: readonly number[],
  n: number,
  begin: readonly Reference[] = references,
): { type: string; name: string; value: string } | undefined {
  let at = (begin[start % begin.length] as Reference)[n % 2 ? 'from' : 'to'];
  const [first, value] = conditionOf(at, n);
  let name = first;
  for (const step of steps) {
    const around = [...referredTo.get(at)!, ...referring.get(at)!];
    const edge = around[step % Math.max(1, around.length)];
    if (!edge) return undefined;
    if (edge.to === at) {
      name = step % 3 === 0 ? `${edge.code}.${name}` : `${edge.code}:${at.type}.${name}`;
      at = edge.from;
    } else {
      name = `_has:${at.type}:${edge.code}:${name}`;
      at = edge.to;
    }
  }
  return { type: at.type, name, value };
}

const WAYS = [
  ['found first', undefined],
  ['tested', { referredTo: 0, referring: 0 }],
  ['found first where there are few', { referredTo: 3, referring: 3 }],
] as const;

describe.each(WAYS)('links whose other ends are %s', (_, bounds) => {
  const readerOf = () => new PostgresResourceReader(database, searches, semantics, 60_000, bounds);

  async function agree(type: string, query: readonly (readonly [string, string])[]): Promise<number> {
    const parsed = semantics.parse(type, query, { handling: 'strict', links: true });
    const walked = [...world.values()].filter((example) => example.type === type && holds(example, parsed));
    const page = await readerOf().search(parsed, { count: 5000 });
    expect({ type, query, ids: page.matches.map(({ id }) => id).sort() }).toEqual({
      type,
      query,
      ids: walked.map(({ id }) => id).sort(),
    });
    const { total } = await readerOf().search({ ...parsed, countOnly: true }, { count: 1 });
    expect(total).toBe(walked.length);
    return walked.length;
  }

  test('are the same as without an index', async () => {
    expect(references.length).toBeGreaterThan(500);
    let asked = 0;
    let hits = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.nat(100_000),
        fc.array(fc.nat(10_000), { minLength: 1, maxLength: 4 }),
        fc.nat(10_000),
        async (start, steps, n) => {
          const condition = linkedCondition(start, steps, n);
          fc.pre(condition !== undefined && isReadable(condition));
          const { type, name, value } = condition as NonNullable<typeof condition>;
          asked++;
          hits += Math.min(1, await agree(type, [[name, value]]));
        },
      ),
      { numRuns: 30 },
    );
    expect(hits / asked).toBeGreaterThan(0.3);
  }, 120_000);

  test('by canonicals are the same, whatever version they name', async () => {
    expect(canonicals.length).toBeGreaterThan(50);
    let hits = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.nat(100_000),
        fc.array(fc.nat(10_000), { minLength: 1, maxLength: 2 }),
        fc.nat(10_000),
        fc.boolean(),
        async (start, steps, n, isVersioned) => {
          const begin = canonicals.filter(({ to }) => !isVersioned || /^(v|by)\d$/.test(to.id));
          const condition = linkedCondition(start, steps, n, begin);
          fc.pre(condition !== undefined && isReadable(condition));
          const { type, name, value } = condition as NonNullable<typeof condition>;
          hits += Math.min(1, await agree(type, [[name, value]]));
        },
      ),
      { numRuns: 20 },
    );
    expect(hits).toBeGreaterThan(5);
  }, 120_000);

  test('hold together with one another and with plain conditions', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(100_000), fc.nat(10_000), fc.nat(10_000), async (start, step, n) => {
        const first = linkedCondition(start, [step], n);
        fc.pre(first !== undefined && isReadable(first));
        const { type, name, value } = first as NonNullable<typeof first>;
        const found = [...world.values()].filter((example) => example.type === type);
        const also = conditionOf(found[n % found.length] as Example, n + 1);
        fc.pre(isReadable({ type, name: also[0], value: also[1] }));
        const second = linkedCondition(start, [step], n + 7);
        const more: [string, string][] = second?.type === type && isReadable(second) ? [[second.name, second.value]] : [];
        await agree(type, [[name, value], also, ...more]);
      }),
      { numRuns: 8 },
    );
  }, 120_000);
});

describe('includes', () => {
  /** The rules, with no index: step by step over all references. */
  function included(matches: readonly Example[], includes: readonly Include[]): string[] {
    const found = new Set<Example>();
    let edge = matches;
    for (let round = 0; edge.length > 0; round++) {
      const added = edge.flatMap((example) =>
        includes
          .filter(({ iterate }) => iterate || round === 0)
          .flatMap(({ reverse, source, code, target }) =>
            (reverse ? referring : referredTo)
              .get(example)!
              .filter(
                (each) =>
                  (source === '*' || source === each.from.type) &&
                  (code === '*' || code === each.code) &&
                  (target === undefined || target === each.to.type),
              )
              .map(({ from, to }) => (reverse ? from : to)),
          ),
      );
      const fresh = [...new Set(added)].filter((example) => !found.has(example) && !matches.includes(example));
      for (const example of fresh) found.add(example);
      edge = includes.some(({ iterate }) => iterate) ? fresh : [];
    }
    return [...found].map(({ type, id }) => `${type}/${id}`).sort();
  }

  test('bring what a walk over all references brings', async () => {
    const reader = new PostgresResourceReader(database, searches, semantics, 60_000);
    let brought = 0;
    const directive = fc.record({ at: fc.nat(100_000), reverse: fc.boolean(), iterate: fc.boolean(), form: fc.nat(3) });
    await fc.assert(
      fc.asyncProperty(fc.array(directive, { minLength: 1, maxLength: 4 }), fc.nat(20), async (directives, skipped) => {
        const edges = directives.map(({ at }) => {
          const from = at % 3 === 0 ? canonicals : references;
          return from[at % from.length] as Reference;
        });
        const [first] = directives;
        const start = edges[0] as Reference;
        const type = first?.reverse === true ? start.to.type : start.from.type;
        const pairs = directives.map(({ reverse, iterate, form }, i): [string, string] => {
          const { from, code, to } = edges[i] as Reference;
          const forms = [
            `${from.type}:${code}`,
            `${from.type}:${code}:${to.type}`,
            `${from.type}:*`,
            reverse && iterate ? `${from.type}:${code}` : '*',
          ];
          return [`${reverse ? '_revinclude' : '_include'}${iterate ? ':iterate' : ''}`, forms[form] as string];
        });
        const { includes } = semantics.parse(type, pairs, { handling: 'strict', links: true });
        const matches = [...world.values()].filter((example) => example.type === type).slice(skipped, skipped + 5);
        const versions = matches.map(({ id }) => ({ type, id, version: 1, body: bodies.get(`${type}/${id}`) ?? null }));
        const { resources, truncated } = await includeResources(includes, versions, reader, semantics);
        fc.pre(!truncated);
        const expected = included(matches, includes);
        expect({ pairs, found: resources.map((each) => `${each.type}/${each.id}`).sort() }).toEqual({ pairs, found: expected });
        brought += Math.min(1, expected.length);
      }),
      { numRuns: 40 },
    );
    expect(brought).toBeGreaterThan(10);
  }, 60_000);
});

/** The way from a resource to a value is not always one that may be asked: some parameters take no such value. */
function isReadable({ type, name, value }: { type: string; name: string; value: string }): boolean {
  try {
    semantics.parse(type, [[name, value]], { handling: 'strict', links: true });
    return true;
  } catch {
    return false;
  }
}
