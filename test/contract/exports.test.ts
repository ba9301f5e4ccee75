import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { ExportDefinition } from '../../src/export/export-definition.js';
import type { ExportJobs, ExportLease } from '../../src/export/export-jobs.js';
import type { ExportSource } from '../../src/export/export-source.js';
import type { Database } from '../../src/storage/database.js';
import { PostgresExportJobs, PostgresExportSource } from '../../src/storage/exports.js';
import { type OpenClone, openClone } from '../support/open-clone.js';
import { insertChanges } from '../support/insert-changes.js';
import { MemoryExportJobs } from '../support/twins/memory-export-jobs.js';
import { MemoryExportSource, type StoredState } from '../support/twins/memory-export-source.js';

let clone: OpenClone;
let database: Database;

beforeAll(async () => {
  clone = await openClone();
  database = clone.database;
});
afterAll(async () => {
  await clone.drop();
});

const definition: ExportDefinition = { face: 'r4b', level: { kind: 'group', id: 'g' }, types: ['Patient'], filters: [] };

describe.each<[string, () => ExportJobs]>([
  ['on PostgreSQL', () => new PostgresExportJobs(database, 0)],
  ['in memory', () => new MemoryExportJobs()],
])('export jobs %s', (_where, make) => {
  let jobs: ExportJobs;
  beforeEach(async () => {
    await database.run({ text: 'TRUNCATE export_job CASCADE' });
    jobs = make();
  });

  async function add(most = 10): Promise<string | undefined> {
    const id = randomUUID();
    const job = { id, definition, request: 'http://hub/$export', transactionTime: new Date(1_700_000_000_123) };
    return (await jobs.add(job, most)) ? id : undefined;
  }

  async function leased(): Promise<ExportLease> {
    await add();
    return (await jobs.lease('a', 30))!;
  }

  test('keep what was asked for, and find nothing else', async () => {
    const id = await add();
    expect(await jobs.find(id!)).toMatchObject({
      ...{ id, definition, request: 'http://hub/$export', state: 'open', failures: 0, files: [] },
      transactionTime: new Date(1_700_000_000_123),
      place: { walk: 0, id: '' },
    });
    expect(await jobs.find(randomUUID())).toBeUndefined();
    expect(await jobs.known([id!, randomUUID()])).toEqual([id]);
  });

  test('are let in up to the most, however many ask at once', async () => {
    const added = await Promise.all(Array.from({ length: 6 }, () => add(3)));
    expect(added.filter((id) => id !== undefined)).toHaveLength(3);
    const lease = (await jobs.lease('a', 30))!;
    await jobs.finish(lease, 1);
    expect(await add(3)).toBeDefined();
  });

  test('are leased to one of many who ask at once, oldest first, and again when the lease is given back', async () => {
    const [first, second] = [await add(), await add()];
    const leases = await Promise.all(Array.from({ length: 5 }, (_, n) => jobs.lease(`p${String(n)}`, 30)));
    expect(leases.flatMap((lease) => (lease === undefined ? [] : [lease.job.id])).sort()).toEqual([first, second].sort());
    expect(await jobs.lease('late', 30)).toBeUndefined();
    const ofFirst = leases.find((lease) => lease?.job.id === first)!;
    await jobs.release(ofFirst);
    expect((await jobs.lease('late', 30))!.job.id).toBe(first);
    expect(await jobs.advance(ofFirst, { walk: 0, id: 'x' }, [], 30)).toBe(false);
  });

  test('keep their place and their files together', async () => {
    const lease = await leased();
    const folder = randomUUID();
    expect(await jobs.begin(lease, folder)).toBe(true);
    const files = [
      { name: 'A.ndjson', lines: 2, bytes: 20 },
      { name: 'B.ndjson', lines: 1, bytes: 2 ** 40 },
    ];
    expect(await jobs.advance(lease, { walk: 3, id: 'x' }, files.slice(0, 1), 30)).toBe(true);
    expect(await jobs.advance(lease, { walk: 4, id: 'y' }, files, 30)).toBe(true);
    expect(await jobs.find(lease.job.id)).toMatchObject({ folder, place: { walk: 4, id: 'y' }, files });
    expect(await jobs.begin(lease, folder)).toBe(true);
    expect(await jobs.find(lease.job.id)).toMatchObject({ folder, place: { walk: 0, id: '' }, files: [] });
  });

  test('that are removed are lost to whoever works on them', async () => {
    const lease = await leased();
    expect(await jobs.remove(lease.job.id)).toBe(true);
    expect(await jobs.remove(lease.job.id)).toBe(false);
    expect(await jobs.advance(lease, { walk: 0, id: 'x' }, [{ name: 'A', lines: 1, bytes: 1 }], 30)).toBe(false);
    expect(await jobs.finish(lease, 1)).toBe(false);
    expect(await jobs.begin(lease, randomUUID())).toBe(false);
  });

  test('that are done are kept for their hours, then forgotten', async () => {
    const lease = await leased();
    expect(await jobs.finish(lease, 1)).toBe(true);
    const done = await jobs.find(lease.job.id);
    expect(done!.state).toBe('done');
    expect(Math.abs(done!.expires!.getTime() - Date.now() - 3_600_000)).toBeLessThan(60_000);
    expect(await jobs.expire()).toBe(0);
    const short = await leased();
    await jobs.finish(short, 0);
    expect(await jobs.find(short.job.id)).toBeUndefined();
    expect(await jobs.remove(short.job.id)).toBe(false);
    expect(await jobs.expire()).toBe(1);
    expect(await jobs.known([lease.job.id, short.job.id])).toEqual([lease.job.id]);
  });

  test('that fail are put off, and at the end tell why', async () => {
    const lease = await leased();
    await jobs.fail(lease, { reason: 'no room', waitSeconds: 60 });
    expect(await jobs.find(lease.job.id)).toMatchObject({ state: 'open', failures: 1, reason: 'no room' });
    expect(await jobs.lease('a', 30)).toBeUndefined();
    const other = await leased();
    await jobs.fail(other, { reason: 'first', waitSeconds: 0 });
    const again = (await jobs.lease('a', 30))!;
    expect(again.job).toMatchObject({ id: other.job.id, failures: 1 });
    await jobs.fail(again, { reason: 'for good', waitSeconds: 0, final: { keepHours: 1 } });
    expect(await jobs.find(other.job.id)).toMatchObject({ state: 'failed', failures: 2, reason: 'for good' });
    expect(await jobs.lease('a', 30)).toBeUndefined();
  });

  test('that get on after a failure have forgotten it', async () => {
    const lease = await leased();
    await jobs.fail(lease, { reason: 'once', waitSeconds: 0 });
    const again = (await jobs.lease('a', 30))!;
    await jobs.advance(again, { walk: 0, id: 'x' }, [], 30);
    const job = await jobs.find(lease.job.id);
    expect([job!.failures, job!.reason]).toEqual([0, undefined]);
  });
});

const second = (n: number) => new Date(1_700_000_000_000 + n * 1000);
const state = (id: string, version: number, at: number, body: string | null): StoredState => ({
  ...{ type: 'Patient', id, version, body },
  at: second(at),
});
const STATES: StoredState[] = [
  state('a', 1, 1, '"a1"'),
  state('b', 1, 1, '"b1"'),
  state('b', 2, 5, '"b2"'),
  state('c', 1, 1, '"c1"'),
  state('c', 2, 3, null),
  state('d', 1, 2, '"d1"'),
  state('d', 2, 9, null),
  state('e', 1, 9, '"e1"'),
  { ...state('a', 1, 1, '"other"'), type: 'Group' },
];

/** Of the Patient a, as it is. */
const KEY = 4711;

describe.each<[string, (limits: { resources: number; bytes: number }) => ExportSource]>([
  ['on PostgreSQL', (limits) => new PostgresExportSource(database, limits)],
  ['in memory', (limits) => new MemoryExportSource(STATES, limits, (_type, body) => (body === '"a1"' ? [KEY] : []))],
])('what an export walks %s', (_where, make) => {
  beforeAll(async () => {
    await database.run({ text: 'TRUNCATE resource, resource_version' });
    const changes = STATES.map(({ type, id, version, at, body }, n) => ({
      ...{ type, id, version, at, body, face: 'r4b' as const },
      position: { epoch: 1, xid: BigInt(n + 1), seq: BigInt(n + 1) },
      interaction: body === null ? ('delete' as const) : version === 1 ? ('create' as const) : ('update' as const),
      method: body === null ? ('DELETE' as const) : ('PUT' as const),
    }));
    await insertChanges(database, changes);
    await database.run({ text: `UPDATE resource SET keys = '{${KEY}}' WHERE type IN ('Patient', 'Group') AND id = 'a'` });
  });

  async function walk(
    source: ExportSource,
    bounds: { until: Date; since?: Date },
    only?: readonly string[],
  ): Promise<(string | null)[][]> {
    const found: (string | null)[][] = [];
    for (let after = ''; ;) {
      const page = await source.page('Patient', after, bounds, only);
      if (page.length === 0) return found;
      for (const { id, at, body, before } of page) if (at !== undefined) found.push([id, body, before]);
      after = page.at(-1)!.id;
    }
  }

  const LIMITS = [
    { resources: 500, bytes: 1000 },
    { resources: 1, bytes: 1000 },
    { resources: 3, bytes: 5 },
    { resources: 500, bytes: 0 },
  ];

  test.each(LIMITS)('is what was current at the moment, whatever came later (%j)', async (limits) => {
    expect(await walk(make(limits), { until: second(4) })).toEqual([
      ['a', '"a1"', null],
      ['b', '"b1"', null],
      ['d', '"d1"', null],
    ]);
    expect(await walk(make(limits), { until: second(5) })).toContainEqual(['b', '"b2"', null]);
    expect(await walk(make(limits), { until: second(0) })).toEqual([]);
  });

  test.each(LIMITS)('since a moment is what changed after it, deletes with their last state (%j)', async (limits) => {
    expect(await walk(make(limits), { since: second(1), until: second(9) })).toEqual([
      ['b', '"b2"', null],
      ['c', null, '"c1"'],
      ['d', null, '"d1"'],
      ['e', '"e1"', null],
    ]);
    expect(await walk(make(limits), { since: second(9), until: second(20) })).toEqual([]);
  });

  test.each(LIMITS)('of some ids alone (%j)', async (limits) => {
    const bounds = { until: second(5) };
    expect(await walk(make(limits), bounds, ['b', 'd', 'nobody'])).toEqual([
      ['b', '"b2"', null],
      ['d', '"d1"', null],
    ]);
    expect(await walk(make(limits), bounds, [])).toEqual([]);
  });

  test('what may have had a key: what has it, and what has changed since', async () => {
    const source = make(LIMITS[0]!);
    const asked = { keys: [KEY], ids: ['b', 'nobody'], after: second(5), most: 4 };
    expect(await source.candidates('Patient', asked)).toEqual(['a', 'b', 'd', 'e']);
    expect(await source.candidates('Patient', { ...asked, after: second(9) })).toEqual(['a', 'b']);
    expect(await source.candidates('Patient', { ...asked, keys: [], ids: [], after: second(9) })).toEqual([]);
    expect(await source.candidates('Patient', { ...asked, most: 3 })).toBeUndefined();
    expect(await source.candidates('Patient', { ...asked, keys: [], ids: [], most: 1 })).toBeUndefined();
  });

  test('one resource is as it was at a moment', async () => {
    const source = make(LIMITS[0]!);
    const bodies = [0, 2, 9].map((at) => source.bodyAt('Patient', 'd', second(at)));
    expect(await Promise.all(bodies)).toEqual([undefined, '"d1"', null]);
  });
});
