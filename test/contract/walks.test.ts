import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Reindexed, WalkLease, Walks } from '../../src/reindex/walks.js';
import type { Database } from '../../src/storage/database.js';
import { PostgresWalks } from '../../src/storage/walks.js';
import { type OpenClone, openClone } from '../support/open-clone.js';
import { MemoryWalks } from '../support/twins/memory-walks.js';

let clone: OpenClone;
let database: Database;

beforeAll(async () => {
  clone = await openClone();
  database = clone.database;
});
afterAll(async () => {
  await clone.drop();
});

interface Subject {
  walks: Walks;
  /** A Patient of this version that has one key. */
  put(id: string, version?: number): Promise<void>;
  remove(id: string): Promise<void>;
  want(type: string, generation: number): Promise<void>;
  doneOf(type: string): Promise<number>;
}

const AT = new Date(1_700_000_000_000);

async function onPostgres(): Promise<Subject> {
  const run = (text: string, values: unknown[] = []) => database.run({ text }, values);
  await run('TRUNCATE resource, resource_version, reindex');
  await run('UPDATE search_generation SET generation = 0');
  return {
    walks: new PostgresWalks(database, { resources: 2, bytes: 1000 }),
    put: async (id, version = 1) => {
      await run(
        `INSERT INTO resource_version (epoch, type, id, version, interaction, method, face, at, body)
         VALUES (0, 'Patient', $1, $2, 'create', 'PUT', 'r4b', $3, $4)`,
        [id, version, AT, bodyOf(id, version)],
      );
      await run(
        `INSERT INTO resource (type, id, version, last_updated, keys) VALUES ('Patient', $1, $2, $3, '{1}')
         ON CONFLICT (type, id) DO UPDATE SET version = $2`,
        [id, version, AT],
      );
    },
    remove: async (id) => void (await run(`UPDATE resource SET deleted = true WHERE id = $1`, [id])),
    want: async (type, generation) => {
      await run(`INSERT INTO reindex AS w (type, wanted) VALUES ($1, $2) ON CONFLICT (type) DO UPDATE SET wanted = $2`, [
        type,
        generation,
      ]);
      await run('UPDATE search_generation SET generation = $1', [generation]);
    },
    doneOf: async (type) =>
      (await database.rows<{ done: number }>({ text: 'SELECT done FROM reindex WHERE type = $1' }, [type]))[0]?.done ?? 0,
  };
}

function inMemory(): Subject {
  const walks = new MemoryWalks();
  return {
    walks,
    put: async (id, version = 1) => {
      const rid = walks.resources.get(id)?.rid ?? BigInt(walks.resources.size + 1);
      const body = bodyOf(id, version);
      walks.resources.set(id, { rid, type: 'Patient', id, version, lastUpdated: AT, keys: [1], body });
    },
    remove: async (id) => void walks.resources.delete(id),
    want: async (type, generation) => {
      walks.want(type, generation);
      walks.generation = generation;
    },
    doneOf: async (type) => walks.doneOf(type),
  };
}

const bodyOf = (id: string, version: number) => JSON.stringify({ resourceType: 'Patient', id, text: version });

describe.each<[string, () => Promise<Subject>]>([
  ['on PostgreSQL', onPostgres],
  ['in memory', async () => inMemory()],
])('walks %s', (_where, make) => {
  let subject: Subject;
  let walks: Walks;
  beforeEach(async () => {
    subject = await make();
    ({ walks } = subject);
    for (const id of ['a', 'b', 'c']) await subject.put(id);
  });

  async function leased(): Promise<WalkLease> {
    await subject.want('Patient', 1);
    return (await walks.lease('one', 60))!;
  }

  const withKey = ({ rid, version }: { rid: bigint; version: number }, key: number): Reindexed => ({
    ...{ rid, version },
    rows: {
      keys: [key],
      dates: [{ param: 7, low: 0, high: 1000 }],
      numbers: [{ param: 7, low: 1, high: 1 }],
      quantities: [{ param: 7, low: 1, high: 1, unitKeys: [5] }],
      strings: [{ param: 7, folded: 'x', exact: 'X' }],
    },
  });

  const keysOf = async () =>
    Object.fromEntries(
      [...(await walks.page('Patient', '')), ...(await walks.page('Patient', 'b'))].map(({ id, keys }) => [id, keys]),
    );

  test('are leased to one at a time, those left in the midst first', async () => {
    expect(await walks.lease('one', 60)).toBeUndefined();
    const lease = await leased();
    expect(lease).toMatchObject({ type: 'Patient', generation: 1, done: 0, place: '', walked: 0, failures: 0 });
    expect(await walks.lease('two', 60)).toBeUndefined();
    await walks.keep(lease, { id: 'b', walked: 2 }, [], 1, 60);
    await walks.release(lease);
    await subject.want('Account', 1);
    expect(await walks.lease('two', 60)).toMatchObject({ type: 'Patient', place: 'b', walked: 2 });
  });

  test('go by id, page by page, past what is deleted', async () => {
    await subject.remove('b');
    const first = await walks.page('Patient', '');
    expect(first.map(({ id, version, keys, body }) => [id, version, keys, body])).toEqual([
      ['a', 1, [1], bodyOf('a', 1)],
      ['c', 1, [1], bodyOf('c', 1)],
    ]);
    expect(first[0]!.lastUpdated).toEqual(AT);
    expect(await walks.page('Patient', 'c')).toEqual([]);
    expect(await walks.page('Person', '')).toEqual([]);
  });

  test('keep the rows of what was not changed meanwhile', async () => {
    const lease = await leased();
    const page = await walks.page('Patient', '');
    await subject.put('b', 2);
    expect(
      await walks.keep(
        lease,
        { id: 'b', walked: 2 },
        page.map((each) => withKey(each, 9)),
        1,
        60,
      ),
    ).toBe('kept');
    expect(await keysOf()).toEqual({ a: [9], b: [1], c: [1] });
  });

  test('keep nothing of other definitions than those of the moment', async () => {
    const lease = await leased();
    await subject.want('Patient', 2);
    const rows = (await walks.page('Patient', '')).map((each) => withKey(each, 9));
    expect(await walks.keep(lease, { id: 'b', walked: 2 }, rows, 1, 60)).toBe('outdated');
    expect(await keysOf()).toEqual({ a: [1], b: [1], c: [1] });
    await walks.release(lease);
    expect(await walks.lease('two', 60)).toMatchObject({ place: '', generation: 1 });
  });

  test('end, and one that was wanted meanwhile follows', async () => {
    const lease = await leased();
    await subject.want('Patient', 2);
    expect(await walks.finish(lease)).toBe(true);
    expect(await subject.doneOf('Patient')).toBe(1);
    expect(await walks.finish(lease)).toBe(false);
    expect(await walks.lease('one', 60)).toMatchObject({ generation: 2, done: 1, place: '', walked: 0 });
  });

  test('change nothing for one who has lost the lease', async () => {
    const lost = await leased();
    await walks.release(lost);
    const lease = (await walks.lease('two', 60))!;
    const rows = (await walks.page('Patient', '')).map((each) => withKey(each, 9));
    expect(await walks.keep(lost, { id: 'b', walked: 2 }, rows, 1, 60)).toBe('lost');
    expect(await walks.finish(lost)).toBe(false);
    await walks.fail(lost, 'x', 0);
    expect(await keysOf()).toEqual({ a: [1], b: [1], c: [1] });
    expect(await walks.finish(lease)).toBe(true);
  });

  test('that failed wait, and are counted', async () => {
    const lease = await leased();
    await walks.fail(lease, 'x', 0);
    const again = (await walks.lease('one', 60))!;
    expect(again.failures).toBe(1);
    await walks.fail(again, 'x', 1000);
    expect(await walks.lease('one', 60)).toBeUndefined();
  });
});

test('the rows of the narrow tables are replaced together with the keys', async () => {
  const subject = await onPostgres();
  await subject.put('a');
  await subject.want('Patient', 1);
  const lease = (await subject.walks.lease('one', 60))!;
  const [a] = await subject.walks.page('Patient', '');
  const row = { param: 7, low: 1, high: 2 };
  const rows = { keys: [3, 4], dates: [row], numbers: [row, row], quantities: [{ ...row, unitKeys: [5, 6] }], strings: [] };
  for (const _ of [1, 2]) await subject.walks.keep(lease, { id: 'a', walked: 1 }, [{ rid: a!.rid, version: 1, rows }], 1, 60);
  const [counts] = await database.rows({
    text: `SELECT (SELECT count(*)::integer FROM search_date WHERE rid = r.rid) AS dates,
                  (SELECT count(*)::integer FROM search_number WHERE rid = r.rid) AS numbers,
                  (SELECT array_agg(unit_keys::text) FROM search_quantity WHERE rid = r.rid) AS units, keys::text
           FROM resource AS r`,
  });
  expect(counts).toEqual({ dates: 1, numbers: 2, units: ['{5,6}'], keys: '{3,4}' });
});
