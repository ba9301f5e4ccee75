import { randomUUID } from 'node:crypto';
import { appendFileSync, existsSync, readdirSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ExportDefinition } from '../../../src/export/export-definition.js';
import { ExportFolder } from '../../../src/export/export-folder.js';
import type { ExportFileState, ExportLease, ExportPlace } from '../../../src/export/export-jobs.js';
import { PruneExports } from '../../../src/export/prune-exports.js';
import { type ExportParts, runExport } from '../../../src/export/run-export.js';
import { Compartments } from '../../../src/search/compartments.js';
import { SearchDefinitions } from '../../../src/search/search-definitions.js';
import { SearchSemantics } from '../../../src/search/search-semantics.js';
import { newFolder } from '../../support/run-folder.js';
import { MemoryExportJobs } from '../../support/twins/memory-export-jobs.js';
import { MemoryExportSource, type StoredState } from '../../support/twins/memory-export-source.js';

const semantics = new SearchSemantics(SearchDefinitions.load(), ['http://hub/fhir/r4b']);
const compartments = Compartments.load();
const TYPES = ['Device', 'Patient'];
const MOMENT = new Date(1_700_000_000_000);

class Killed extends Error {}

/** Where a process is killed: the keeping of its n-th place is not begun, or done without anybody hearing of it. */
interface Kill {
  page: number;
  kept: boolean;
  /** Bytes that had reached a file beyond what counts. */
  torn: string;
}

/** Jobs of a process that is killed at a page. */
class DyingJobs extends MemoryExportJobs {
  kill: Kill | undefined;
  private pages = 0;

  override async advance(lease: ExportLease, place: ExportPlace, files: readonly ExportFileState[], s: number): Promise<boolean> {
    if (this.kill !== undefined && this.pages++ === this.kill.page) {
      if (this.kill.kept) await super.advance(lease, place, files, s);
      throw new Killed();
    }
    return super.advance(lease, place, files, s);
  }

  revive(kill: Kill | undefined): void {
    this.kill = kill;
    this.pages = 0;
  }
}

const states = fc.uniqueArray(
  fc.record({ type: fc.constantFrom(...TYPES), id: fc.stringMatching(/^[a-z]{1,2}$/), text: fc.string({ unit: 'grapheme' }) }),
  { selector: ({ type, id }) => `${type}/${id}`, maxLength: 30 },
);
const kills = fc.array(fc.record({ page: fc.nat(6), kept: fc.boolean(), torn: fc.string({ minLength: 0, maxLength: 20 }) }), {
  maxLength: 5,
});

function stored(type: string, id: string, text: string): StoredState {
  return { type, id, version: 1, at: MOMENT, body: JSON.stringify({ resourceType: type, id, text }) };
}

function partsOf(jobs: MemoryExportJobs, source: MemoryExportSource, folder: ExportFolder): ExportParts {
  return {
    ...{ jobs, source, folder, semantics, compartments },
    follow: async () => {},
    mask: ({ body }) => body,
    onError: (_resource, error) => {
      throw error;
    },
    leaseSeconds: 30,
    keepHours: 1,
  };
}

const definition: ExportDefinition = { face: 'r4b', level: { kind: 'system' }, types: TYPES, filters: [] };

test('however often and wherever it is killed, an export holds every resource once and whole', async () => {
  await fc.assert(
    fc.asyncProperty(states, kills, fc.integer({ min: 1, max: 7 }), async (resources, deaths, pageSize) => {
      const versions = resources.map(({ type, id, text }) => stored(type, id, text));
      const jobs = new DyingJobs(() => 0);
      const folder = new ExportFolder(newFolder('exports'));
      const parts = partsOf(jobs, new MemoryExportSource(versions, { resources: pageSize, bytes: 200 }), folder);
      const id = randomUUID();
      await jobs.add({ id, definition, request: '', transactionTime: MOMENT }, 1);
      for (const kill of [...deaths, undefined]) {
        jobs.revive(kill);
        const lease = (await jobs.lease('p', 30))!;
        try {
          expect((await runExport(lease, parts, new AbortController().signal)).kind).toBe('done');
          break;
        } catch (error) {
          if (!(error instanceof Killed)) throw error;
          const here = folder.of(id);
          for (const name of readdirSync(here)) appendFileSync(join(here, name), kill!.torn);
          appendFileSync(join(here, 'Torn.ndjson'), kill!.torn);
          await jobs.release(lease);
        }
      }
      const job = (await jobs.find(id))!;
      const lines = job.files.flatMap(({ name }) =>
        readFileSync(join(folder.of(id), name), 'utf8')
          .split('\n')
          .slice(0, -1),
      );
      expect(lines).toEqual(
        versions
          .map(({ type, id: one, body }) => [`${type}/${one}`, body] as const)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([, body]) => body),
      );
      expect(job.files.reduce((sum, file) => sum + file.lines, 0)).toBe(versions.length);
      expect(readdirSync(folder.of(id)).sort()).toEqual(job.files.map(({ name }) => name));
    }),
    { numRuns: 60 },
  );
});

async function doneWith(source: MemoryExportSource, folder: ExportFolder, jobs = new MemoryExportJobs()): Promise<string> {
  const id = randomUUID();
  await jobs.add({ id, definition, request: '', transactionTime: MOMENT }, 9);
  await runExport((await jobs.lease('p', 30))!, partsOf(jobs, source, folder), new AbortController().signal);
  return id;
}

const FEW = new MemoryExportSource(
  ['a', 'b', 'c'].map((id) => stored('Patient', id, 'x')),
  { resources: 1, bytes: 1000 },
);

test('a job whose files were lost or cut begins anew', async () => {
  for (const harm of ['cut', 'other folder'] as const) {
    const jobs = new DyingJobs();
    const folder = new ExportFolder(newFolder('exports'));
    const id = randomUUID();
    await jobs.add({ id, definition, request: '', transactionTime: MOMENT }, 1);
    jobs.revive({ page: 1, kept: true, torn: '' });
    const lease = (await jobs.lease('p', 30))!;
    await expect(runExport(lease, partsOf(jobs, FEW, folder), new AbortController().signal)).rejects.toThrow(Killed);
    await jobs.release(lease);
    jobs.revive(undefined);
    if (harm === 'cut') truncateSync(join(folder.of(id), 'Patient.ndjson'), 5);
    const next = harm === 'cut' ? folder : new ExportFolder(newFolder('exports'));
    await runExport((await jobs.lease('p', 30))!, partsOf(jobs, FEW, next), new AbortController().signal);
    expect(readFileSync(join(next.of(id), 'Patient.ndjson'), 'utf8').split('\n')).toHaveLength(4);
  }
});

test('a job that is forgotten while it is worked on leaves no folder', async () => {
  const jobs = new MemoryExportJobs();
  const folder = new ExportFolder(newFolder('exports'));
  const id = randomUUID();
  await jobs.add({ id, definition, request: '', transactionTime: MOMENT }, 1);
  const lease = (await jobs.lease('p', 30))!;
  await jobs.remove(id);
  expect(await runExport(lease, partsOf(jobs, FEW, folder), new AbortController().signal)).toEqual({ kind: 'lost' });
  expect(existsSync(folder.of(id))).toBe(false);
});

test('folders of no job are cleared away, those of a job and the name of the folder stay', async () => {
  const folder = new ExportFolder(newFolder('exports'));
  const jobs = new MemoryExportJobs();
  const [kept, forgotten] = [await doneWith(FEW, folder, jobs), await doneWith(FEW, folder, jobs)];
  await jobs.remove(forgotten);
  const name = await folder.id();
  expect(await new PruneExports(jobs, folder).run()).toBe(1);
  expect(await folder.jobs()).toEqual([kept]);
  expect(await new ExportFolder(folder.path).id()).toBe(name);
});

test('processes that come at once agree on the name of the folder', async () => {
  const path = newFolder('exports');
  const names = await Promise.all(Array.from({ length: 8 }, () => new ExportFolder(path).id()));
  expect(new Set(names).size).toBe(1);
  expect(await new ExportFolder(newFolder('exports')).id()).not.toBe(names[0]);
});

describe('an export of a Group', () => {
  const group = (members: readonly string[]) =>
    JSON.stringify({ resourceType: 'Group', id: 'g', member: members.map((id) => ({ entity: { reference: `Patient/${id}` } })) });
  const keysOf = (type: string, body: string) => semantics.indexRows(semantics.extract(type, JSON.parse(body))).keys;
  const at = (n: number) => new Date(MOMENT.getTime() + n * 1000);
  const names = ['a', 'b', 'c'];
  const change = fc.record({
    type: fc.constantFrom('Observation', 'Patient'),
    id: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    subject: fc.option(fc.constantFrom(...names), { nil: undefined }),
    at: fc.nat(9),
  });

  /** The versions that such changes make; a change without a subject deletes an Observation. */
  function versionsOf(changes: readonly { type: string; id: string; subject?: string; at: number }[]): StoredState[] {
    const versions: StoredState[] = [];
    for (const { type, id, subject, at: moment } of [...changes].sort((x, y) => x.at - y.at)) {
      const version = versions.filter((one) => one.type === type && one.id === id).length + 1;
      const rest = type === 'Patient' ? { link: [{ other: { reference: `Patient/${subject ?? 'd'}` }, type: 'seealso' }] } : {};
      const body = JSON.stringify({ resourceType: type, id, subject: { reference: `Patient/${subject ?? ''}` }, ...rest });
      versions.push({ type, id, version, at: at(moment), body: subject === undefined && type === 'Observation' ? null : body });
    }
    return versions;
  }

  async function linesFrom(source: MemoryExportSource, since?: number): Promise<string[]> {
    const jobs = new MemoryExportJobs(() => 0);
    const folder = new ExportFolder(newFolder('exports'));
    const id = randomUUID();
    const wanted: ExportDefinition = {
      ...{ face: 'r4b', level: { kind: 'group', id: 'g' }, types: ['Observation', 'Patient'], filters: [] },
      ...(since === undefined ? {} : { since: at(since).toISOString() }),
    };
    await jobs.add({ id, definition: wanted, request: '', transactionTime: at(5) }, 1);
    await runExport((await jobs.lease('p', 30))!, partsOf(jobs, source, folder), new AbortController().signal);
    const { files } = (await jobs.find(id))!;
    return files.flatMap(({ name }) => readFileSync(join(folder.of(id), name), 'utf8').split('\n')).filter(Boolean);
  }

  test('of few holds what a walk through everything finds, whatever has changed since its moment', async () => {
    const limits = { resources: 2, bytes: 1000 };
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { maxLength: 20 }),
        fc.subarray(names),
        fc.option(fc.nat(9), { nil: undefined }),
        async (changes, members, since) => {
          const all = [{ type: 'Group', id: 'g', version: 1, at: at(0), body: group(members) }, ...versionsOf(changes)];
          const walking = new MemoryExportSource(all, limits, keysOf);
          walking.candidates = () => Promise.resolve(undefined);
          expect(await linesFrom(new MemoryExportSource(all, limits, keysOf), since)).toEqual(await linesFrom(walking, since));
        },
      ),
      { numRuns: 60 },
    );
  });

  test('of few looks at few', async () => {
    const others = Array.from({ length: 50 }, (_, n) => ({ type: 'Observation', id: `x${n}`, subject: 'b', at: 1 }));
    const all = versionsOf([...others, { type: 'Observation', id: 'mine', subject: 'a', at: 1 }]);
    const source = new MemoryExportSource(
      [{ type: 'Group', id: 'g', version: 1, at: at(0), body: group(['a']) }, ...all],
      { resources: 500, bytes: 100_000 },
      keysOf,
    );
    const seen: string[] = [];
    const page = source.page.bind(source);
    source.page = async (...asked) => {
      const found = await page(...asked);
      seen.push(...found.map(({ id }) => id));
      return found;
    };
    expect(await linesFrom(source)).toHaveLength(1);
    expect(seen).toEqual(['mine']);
  });
});
