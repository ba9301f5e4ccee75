import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { walkType } from '../../src/reindex/walk-type.js';
import { CurrentParameters } from '../../src/search/custom/current-parameters.js';
import { equalityKey } from '../../src/search/equality-key.js';
import { SearchSemantics } from '../../src/search/search-semantics.js';
import { PostgresChangeStore } from '../../src/storage/change-store.js';
import { PostgresParameterStore } from '../../src/storage/custom-parameters.js';
import { Database } from '../../src/storage/database.js';
import { PostgresWalks } from '../../src/storage/walks.js';
import { LocalWakeUps } from '../../src/wake-ups/wake-ups.js';
import { cloneDatabase, type TestDatabase } from '../support/clone-database.js';
import { SEMANTICS } from '../support/semantics.js';
import { waitFor } from '../support/wait-for.js';

/*
 * Processes write while definitions come, change and go. Whenever a walk is through, every resource has the keys that the newest definitions
 * make of it: none was written by a process that knew less.
 */

const PATIENTS = 60;

/** A process: what it knows, its store, its connections. */
class Process {
  readonly semantics = new SearchSemantics(SEMANTICS.definitions, SEMANTICS.bases);
  readonly current: CurrentParameters;
  readonly store: PostgresChangeStore;
  private writes = 0;

  constructor(readonly database: Database) {
    this.current = new CurrentParameters(this.semantics, new PostgresParameterStore(database));
    this.store = new PostgresChangeStore(
      database,
      ({ type, id, value }, lastUpdated) => this.semantics.indexRows(this.semantics.extract(type, value, { id, lastUpdated })),
      new LocalWakeUps(),
      {},
      Date.now,
      undefined,
      this.current,
    );
  }

  async put(value: Record<string, unknown> & { resourceType: string; id: string }): Promise<void> {
    const resource = { type: value.resourceType, id: value.id, text: JSON.stringify(value), value };
    await this.store.write({ face: 'r4b', writes: [{ kind: 'put', resource, method: 'PUT' }] });
  }

  /** Changes one patient after the other until told to stop. */
  async keepWriting(stop: AbortSignal): Promise<number> {
    while (!stop.aborted) await this.put(patient((this.writes * 7) % PATIENTS, `w${String(this.writes++)}`));
    return this.writes;
  }

  async walk(): Promise<void> {
    const walks = new PostgresWalks(this.database, { resources: 7, bytes: 2 ** 20 });
    const parts = { semantics: this.semantics, refresh: () => this.current.refresh(), leaseSeconds: 60, onError: () => {} };
    for (;;) {
      const lease = await walks.lease('walker', 60);
      if (lease === undefined) return;
      await walkType(lease, { ...parts, walks }, new AbortController().signal);
    }
  }
}

const patient = (i: number, code: string) => ({
  ...{ resourceType: 'Patient', id: `p${String(i)}`, identifier: [{ system: 'http://x', value: code }] },
  extension: [{ url: 'http://x', valueCode: `e-${code}` }],
});

const definition = (id: string, version: number, expression: string) => ({
  ...{ resourceType: 'SearchParameter', id, url: `http://example.org/sp/${id}`, status: 'active', version: String(version) },
  ...{ code: id, base: ['Patient'], type: 'token', expression },
});

let clone: TestDatabase;
let processes: Process[];

beforeAll(async () => {
  clone = await cloneDatabase();
  processes = [1, 2, 3].map(() => new Process(new Database(clone.url, 4, () => {})));
  await Promise.all(Array.from({ length: PATIENTS }, (_, i) => processes[0]!.put(patient(i, 'first'))));
});
afterAll(async () => {
  await Promise.all(processes.map(({ database }) => database.close()));
  await clone.drop();
});

interface Stored {
  body: string;
  keys: bigint[];
}

async function wrongOnes(code: string, of: (patient: ReturnType<typeof patientOf>) => string | undefined): Promise<string[]> {
  const rows = await processes[0]!.database.rows<Stored>({
    text: `SELECT v.body, r.keys FROM resource AS r JOIN resource_version AS v USING (type, id, version) WHERE r.type = 'Patient'`,
  });
  const present = BigInt(equalityKey('Patient', code, 'present'));
  return rows.flatMap(({ body, keys }) => {
    const value = of(patientOf(body));
    const isRight =
      value === undefined
        ? !keys.includes(present)
        : keys.includes(BigInt(equalityKey('Patient', code, 'code', value))) && keys.includes(present);
    return isRight ? [] : [body];
  });
}

const patientOf = (body: string) => JSON.parse(body) as { identifier: [{ value: string }]; extension: [{ valueCode: string }] };

test('no write escapes a definition that is new, changed or gone by the time a walk is through', async () => {
  const [one, two, walker] = processes as [Process, Process, Process];
  const stop = new AbortController();
  const writing = [one, two].map((each) => each.keepWriting(stop.signal));
  await one.put(definition('xx', 1, "Patient.extension('http://x').value"));
  await walker.walk();
  expect(await wrongOnes('xx', ({ extension }) => extension[0].valueCode)).toEqual([]);
  await two.put(definition('xx', 2, 'Patient.identifier.value'));
  await one.put(definition('yy', 1, "Patient.extension('http://x').value"));
  await walker.walk();
  expect(await wrongOnes('xx', ({ identifier }) => identifier[0].value)).toEqual([]);
  expect(await wrongOnes('yy', ({ extension }) => extension[0].valueCode)).toEqual([]);
  await one.store.write({ face: 'r4b', writes: [{ kind: 'delete', type: 'SearchParameter', id: 'xx' }] });
  await walker.walk();
  expect(await wrongOnes('xx', () => undefined)).toEqual([]);
  stop.abort();
  const written = await Promise.all(writing);
  expect(Math.min(...written)).toBeGreaterThan(0);
});

test('a definition waits for the write that is under way, and the writes behind it know it', async () => {
  const [one, two] = processes as [Process, Process];
  await two.current.refresh();
  const before = two.current.generation;
  let release: (() => void) | undefined;
  const held = one.database.transaction(async (tx) => {
    // As every write does, in a transaction that is not through yet.
    await tx.rows({ text: 'SELECT generation FROM search_generation' });
    await new Promise<void>((resolve) => (release = resolve));
  });
  await waitFor(() => release !== undefined);
  let taken = false;
  const defined = one.put(definition('zz', 1, 'Patient.identifier.value')).then(() => (taken = true));
  await waitFor(async () => {
    const [row] = await two.database.rows<{ waits: boolean }>({
      text: `SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'search_generation'::regclass) AS waits`,
    });
    return row!.waits;
  });
  expect(taken).toBe(false);
  release!();
  await Promise.all([held, defined]);
  await two.put(patient(1, 'known'));
  expect(two.current.generation).toBe(before + 1);
  const [row] = await two.database.rows<Stored>({
    text: `SELECT keys, '' AS body FROM resource WHERE type = 'Patient' AND id = 'p1'`,
  });
  expect(row!.keys).toContain(BigInt(equalityKey('Patient', 'zz', 'code', 'known')));
});
