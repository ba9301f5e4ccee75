import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import pg from 'pg';
import { PostgresFigures } from '../../src/storage/database-figures.js';
import { Database } from '../../src/storage/database.js';
import { LogEpoch } from '../../src/storage/log-epoch.js';
import { migrate } from '../../src/storage/migrate.js';
import { PostgresServer } from '../../src/storage/postgres/postgres-server.js';
import { accessKeysOf } from '../../src/search/access-keys.js';
import { newFolder } from '../support/run-folder.js';
import { SEMANTICS } from '../support/semantics.js';

// A server of its own: on the one that test files share, others write at any moment.
let server: PostgresServer;
let other: pg.Client;
let database: Database;
let figures: PostgresFigures;
const ME = 'carillon/1/me';

beforeAll(async () => {
  server = await PostgresServer.start(
    { folder: join(newFolder('figures'), 'postgres'), sync: false, settings: { fsync: 'off', max_prepared_transactions: '2' } },
    { recovered: () => {}, died: () => {}, restarted: () => {}, restartFailed: () => {} },
  );
  other = new pg.Client({ connectionString: server.url('postgres'), application_name: 'nightly job' });
  await other.connect();
  await other.query('CREATE DATABASE hub');
  await migrate(server.url('hub'));
  database = new Database(server.url('hub'), 2, () => {});
  await LogEpoch.open(database);
});
afterAll(async () => {
  await database.close();
  await other.end();
  await server.stop();
});
beforeEach(() => {
  figures = new PostgresFigures(server.url('hub'), ME, SEMANTICS);
});
afterEach(async () => {
  for (const table of [
    'resource',
    'resource_version',
    'group_event',
    'filter_group',
    'subscription_cursor',
    'dead_letter',
    'source_watermark',
  ])
    await run(`TRUNCATE ${table} CASCADE`);
  await run("UPDATE delivery_shard SET leased_by = NULL, lease_ends = '-infinity'");
  await run("UPDATE matching_position SET leased_by = NULL, lease_ends = '-infinity', epoch = 0, xid = '0', seq = 0");
});

const run = (text: string) => database.run({ text });
const keyOf = (criteria: string) => accessKeysOf(SEMANTICS.parseCriteria(criteria).clauses[0]!)![0]!;
const current = (type: string, id: string, criteria: string, deleted = false) =>
  run(`INSERT INTO resource (type, id, version, deleted, last_updated, keys)
       VALUES ('${type}', '${id}', 1, ${deleted}, now(), ARRAY[${keyOf(criteria)}])`);
const change = (id: string, age: string) =>
  run(`INSERT INTO resource_version (epoch, type, id, version, interaction, method, face, at)
       VALUES (1, 'Patient', '${id}', 1, 'delete', 'DELETE', 'r4b', now() - interval '${age}')`);

test('an empty database has nothing to tell', async () => {
  const found = await figures.read([]);
  expect(found).toMatchObject({ deadLetters: 0, replays: 0, unmatched: { changes: 0, seconds: 0 }, horizon: undefined });
  expect([...found.subscriptions.values()]).toEqual([0, 0, 0, 0]);
  expect(found.sources).toEqual({ well: 0, failing: 0, lagSeconds: 0 });
  expect(found.searchParameters).toEqual({ usable: 0, indexing: 0, left: 0 });
});

test('Subscriptions are counted by status; other resources with that status, and deleted ones, are not', async () => {
  await current('Subscription', 'a', 'Subscription?status=active');
  await current('Subscription', 'b', 'Subscription?status=active');
  await current('Subscription', 'c', 'Subscription?status=error');
  await current('Subscription', 'd', 'Subscription?status=off', true);
  await current('Endpoint', 'e', 'Endpoint?status=active');
  expect(Object.fromEntries((await figures.read([])).subscriptions)).toEqual({ requested: 0, active: 2, error: 1, off: 0 });
});

test('what was stored and not matched is counted and aged from the place where matching stands furthest behind', async () => {
  await change('p1', '90 seconds');
  await change('p2', '30 seconds');
  await change('p3', '1 second');
  await run(
    "UPDATE matching_position AS p SET epoch = v.epoch, xid = v.xid, seq = v.seq FROM resource_version AS v WHERE v.id = 'p1'",
  );
  const { unmatched, unindexed } = await figures.read([]);
  expect(unmatched.changes).toBe(2);
  // Nobody indexes here.
  expect(unindexed.changes).toBe(3);
  expect(Math.round(unindexed.seconds)).toBeGreaterThanOrEqual(90);
  expect(Math.round(unmatched.seconds)).toBeGreaterThanOrEqual(30);
  expect(unmatched.seconds).toBeLessThan(90);
});

test('the oldest event of the places asked for gives the age of its channel; one that is no longer kept gives none', async () => {
  await run("INSERT INTO filter_group (fingerprint, definition, last_n) VALUES ('\\x01', '{}', 2)");
  for (const [id, n, age] of [
    ['p1', 1, '10 minutes'],
    ['p2', 2, '1 minute'],
  ] as const) {
    await change(id, age);
    await run(`INSERT INTO group_event (group_id, n, epoch, xid, seq)
               SELECT g.group_id, ${n}, v.epoch, v.xid, v.seq FROM filter_group AS g, resource_version AS v WHERE v.id = '${id}'`);
  }
  const [row] = await database.rows<{ group_id: bigint }>({ text: 'SELECT group_id FROM filter_group' });
  const groupId = Number(row!.group_id);
  const { oldestOwedSeconds } = await figures.read([
    { channel: 'rest-hook', groupId, n: 2 },
    { channel: 'rest-hook', groupId, n: 1 },
    { channel: 'email', groupId, n: 2 },
    { channel: 'message', groupId, n: 77 },
  ]);
  expect([...oldestOwedSeconds].map(([channel, seconds]) => [channel, Math.floor(seconds / 60)])).toEqual([
    ['rest-hook', 10],
    ['email', 1],
  ]);
});

test('leases of living processes are held; those that ran out, or of a process that is gone, are free', async () => {
  const [me, them] = [ME, 'carillon/2/them'].map(
    (name) => new pg.Client({ connectionString: server.url('hub'), application_name: name }),
  );
  await Promise.all([me!.connect(), them!.connect()]);
  const lease = (shard: number, holder: string, ends: string) =>
    run(`UPDATE delivery_shard SET leased_by = '${holder}', lease_ends = now() + interval '${ends}' WHERE shard = ${shard}`);
  await lease(0, ME, '1 minute');
  await lease(1, 'carillon/2/them', '1 minute');
  await lease(2, 'carillon/2/them', '-1 second');
  await lease(3, 'carillon/3/dead', '1 minute');
  await run(`UPDATE matching_position SET leased_by = '${ME}', lease_ends = now() + interval '1 minute' WHERE partition = 0`);
  const found = await figures.read([]);
  expect(found.processes).toBe(2);
  expect(found.shards).toEqual({ held: 2, free: 62 });
  expect(found.matching).toMatchObject({ own: 1, others: 0 });
  await Promise.all([me!.end(), them!.end()]);
});

test('events set aside count until they are resolved; sources count while their Endpoint is active', async () => {
  await run(`INSERT INTO dead_letter (subscription_id, number, reason, resolved_at)
             VALUES ('s', 1, 'no', NULL), ('s', 2, 'no', now()), ('t', 1, 'no', NULL)`);
  for (const id of ['well', 'failing', 'gone'])
    await current('Endpoint', id, `Endpoint?status=${id === 'gone' ? 'off' : 'active'}`);
  await run(`INSERT INTO source_watermark (endpoint_id, last_success, failures)
             VALUES ('well', now() - interval '5 seconds', 0), ('failing', now() - interval '1 hour', 3), ('gone', now() - interval '9 days', 3)`);
  const found = await figures.read([]);
  expect(found.deadLetters).toBe(2);
  expect(found.sources).toMatchObject({ well: 1, failing: 1 });
  expect(Math.round(found.sources.lagSeconds / 60)).toBe(60);
});

test('search parameters count as usable once all their types are indexed', async () => {
  const definition = (...types: string[]) => JSON.stringify({ rows: Object.fromEntries(types.map((type) => [type, {}])) });
  await run(`INSERT INTO custom_parameter (id, version, definition, generation)
             VALUES ('one', 1, '${definition('Patient')}', 1), ('two', 1, '${definition('Patient', 'Person')}', 1), ('none', 1, NULL, 0)`);
  await run(`INSERT INTO reindex (type, wanted, done, walking, walked, total)
             VALUES ('Patient', 2, 1, NULL, 9, 9), ('Person', 1, 0, 1, 30, 100)`);
  expect((await figures.read([])).searchParameters).toEqual({ usable: 1, indexing: 1, left: 70 });
});

test('a transaction that writes in another database of the cluster is found, and named', async () => {
  await other.query('BEGIN');
  await other.query('SELECT pg_current_xact_id()');
  const [{ pid }] = (await other.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows as [{ pid: number }];
  expect(await figures.horizon()).toMatchObject({
    pid,
    applicationName: 'nightly job',
    database: 'postgres',
    state: 'idle in transaction',
  });
  await other.query('COMMIT');
  expect(await figures.horizon()).toBeUndefined();
});

test('one that only reads holds nothing back', async () => {
  await other.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  await other.query('SELECT count(*) FROM pg_class');
  expect(await figures.horizon()).toBeUndefined();
  await other.query('COMMIT');
});

test('a prepared transaction is found by its name, although no process has it any more', async () => {
  await other.query('BEGIN');
  await other.query('SELECT pg_current_xact_id()');
  await other.query("PREPARE TRANSACTION 'forgotten'");
  expect(await figures.horizon()).toMatchObject({
    pid: -1,
    applicationName: 'prepared transaction forgotten',
    database: 'postgres',
  });
  await other.query("ROLLBACK PREPARED 'forgotten'");
});

test('one whose beginning this role may not see is timed from when it was first met', async () => {
  await other.query('CREATE ROLE hub_role LOGIN');
  await other.query('BEGIN');
  await other.query('SELECT pg_current_xact_id()');
  const blind = new PostgresFigures(server.url('hub').replace('postgres@', 'hub_role@'), ME, SEMANTICS);
  const first = await blind.horizon();
  expect(first).toMatchObject({ applicationName: 'nightly job', database: 'postgres', state: undefined });
  expect(first!.pid).toBeGreaterThan(0);
  expect((await blind.horizon())!.seconds).toBeGreaterThan(first!.seconds);
  await other.query('COMMIT');
  expect(await blind.horizon()).toBeUndefined();
  await other.query('DROP ROLE hub_role');
});

test('a server that is not there is told of, not waited for', async () => {
  const away = new PostgresFigures('postgres://nobody@127.0.0.1:1/hub', ME, SEMANTICS);
  await expect(away.read([])).rejects.toThrow(/ECONNREFUSED/);
});
