import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Change } from '../../src/fhir/change.js';
import type { ChangeStore, Write } from '../../src/intake/change-store.js';
import type { HistoryOptions, HistoryScope, PageMark, ResourceReader } from '../../src/pull/resource-reader.js';
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
const START = Date.parse('2026-11-01T10:00:00.000Z');
let nowMs = START;
let clone: OpenClone;
let database: Database;
let searches: SearchDatabase;

beforeAll(async () => {
  clone = await openClone();
  database = clone.database;
  searches = new SearchDatabase(clone.url, 4, () => undefined, 10_000);
});
afterAll(async () => {
  await searches?.close();
  await clone?.drop();
});

const makers: [string, () => { store: ChangeStore; reader: ResourceReader }][] = [
  [
    'in memory',
    () => {
      const store = new MemoryChangeStore(() => nowMs);
      return { store, reader: new MemoryResourceReader(store.log, semantics) };
    },
  ],
  [
    'on PostgreSQL',
    () => ({
      store: new PostgresChangeStore(
        database,
        ({ type, id, value }, lastUpdated) => semantics.indexRows(semantics.extract(type, value, { id, lastUpdated })),
        new LocalWakeUps(),
        {},
        () => nowMs,
      ),
      reader: new PostgresResourceReader(database, searches, semantics, 10_000),
    }),
  ],
];

/** One write: of which resource, a delete or new content, and how much later than the one before. */
const step = fc.record({
  type: fc.constantFrom('Patient', 'Observation'),
  id: fc.constantFrom('a', 'b', 'c'),
  remove: fc.boolean(),
  laterMs: fc.constantFrom(0, 1, 1000),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const scope: fc.Arbitrary<HistoryScope> = fc.constantFrom(
  {},
  { without: ['Patient'] },
  { type: 'Patient' },
  { type: 'Observation' },
  { type: 'Patient', id: 'a' },
  { type: 'Observation', id: 'c' },
);

/** Moments as parts of the time that has passed; `_at` never begins in what is still to come. */
const bounds = fc.record(
  {
    since: fc.double({ min: 0, max: 1.1, noNaN: true }),
    at: fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 1, 500, 5000)),
  },
  { requiredKeys: [] },
);

/** What the rules say of one version: its place in its resource's life, and in time. */
function belongs(
  change: Change,
  next: Change | undefined,
  { type, id, without }: HistoryScope,
  { since, at }: Pick<HistoryOptions, 'since' | 'at'>,
) {
  if (type !== undefined && change.type !== type) return false;
  if (id !== undefined && change.id !== id) return false;
  if (without?.includes(change.type) === true) return false;
  if (since !== undefined && change.at < since) return false;
  if (at === undefined) return true;
  if (change.at >= at.low) return change.at < at.high;
  return change.interaction !== 'delete' && (next === undefined || next.at > at.low);
}

const nameOf = ({ type, id, version }: Change) => `${type}/${id}/${String(version)}`;

describe.each(makers)('history %s', (_where, make) => {
  test('walked in pages of any size while others write, it is every version of its bounds once, newest first', async () => {
    nowMs = START;
    const { store, reader } = make();
    const written: Change[] = [];
    let content = 0;

    async function write({ type, id, remove, laterMs }: Step): Promise<void> {
      nowMs += laterMs;
      const value = { resourceType: type, id, language: `x-${String((content += 1))}` };
      const one: Write = remove
        ? { kind: 'delete', type, id }
        : { kind: 'put', method: 'PUT', resource: { type, id, text: JSON.stringify(value), value } };
      for (const outcome of await store.write({ face: 'r4b', writes: [one] }))
        if (outcome.kind === 'stored') written.push(outcome.change);
    }

    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 12 }),
        fc.array(step, { minLength: 1, maxLength: 4 }),
        scope,
        bounds,
        fc.integer({ min: 1, max: 7 }),
        async (before, during, within, parts, count) => {
          for (const one of before) await write(one);
          const moment = (part: number) => new Date(Math.floor(START + part * (nowMs - START)));
          const [low, length] = parts.at ?? [0, 0];
          const limits = {
            ...(parts.since === undefined ? {} : { since: moment(parts.since) }),
            ...(parts.at === undefined ? {} : { at: { low: moment(low), high: new Date(moment(low).getTime() + length) } }),
          };
          const expected = written
            .filter((change) => {
              const next = written.find(
                ({ type, id, version }) => type === change.type && id === change.id && version === change.version + 1,
              );
              return belongs(change, next, within, limits);
            })
            .map(nameOf)
            .reverse();
          // Who writes in the very moment that `_at` names changes what was current in it.
          nowMs += 1;
          const walked: string[] = [];
          let after: PageMark | undefined;
          let page = 0;
          do {
            const { versions, next, total } = await reader.history(within, { ...limits, count, after });
            if (page === 0 && total !== undefined) expect(total).toBe(expected.length);
            expect(versions.length).toBeLessThanOrEqual(count);
            walked.push(...versions.map(nameOf));
            after = next;
            if (after !== undefined && page < 5) await write(during[page % during.length]!);
            page += 1;
          } while (after !== undefined);
          expect(walked).toEqual(expected);
        },
      ),
      { numRuns: 30 },
    );
  });
});
