import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import pg from 'pg';
import { exported, kickOff, linesOf, manifestOf } from '../support/bulk-export.js';
import { cloneDatabase, type TestDatabase } from '../support/clone-database.js';
import { newFolder } from '../support/run-folder.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { waitFor } from '../support/wait-for.js';

const RESOURCES = 20_000;
/** The job waits here for whoever holds this lock: in the middle of a type, lines written and synced, its place not kept. */
const GATE = 4711;

let clone: TestDatabase;
let control: pg.Client;
let hubs: Hub[];

beforeEach(async () => {
  hubs = [];
  clone = await cloneDatabase();
  control = new pg.Client({ connectionString: clone.url });
  await control.connect();
});
afterEach(async () => {
  await control?.end();
  await Promise.all(hubs.map((hub) => hub.kill()));
  await clone?.drop();
});

async function hub(env: Record<string, string>): Promise<Hub> {
  const started = await startHub({ database: clone, env });
  hubs.push(started);
  return started;
}

/** Stores so many resources of each of two types, as intake would have left them. */
async function store(): Promise<string[]> {
  for (const type of ['Device', 'Observation']) {
    const values = [type, RESOURCES / 2];
    await control.query(
      `INSERT INTO resource_version (epoch, type, id, version, interaction, method, face, at, body)
       SELECT coalesce((SELECT epoch FROM log_epoch), 0), $1, 'r' || lpad(n::text, 6, '0'), 1, 'create', 'PUT', 'r4b', now(),
         format('{"resourceType":"%s","id":"r%s","meta":{"versionId":"1"},"note":[{"text":"%s"}]}', $1::text, lpad(n::text, 6, '0'), repeat('ü', 200))
       FROM generate_series(1, $2::integer) AS n`,
      values,
    );
    await control.query(
      `INSERT INTO resource (type, id, version, last_updated)
       SELECT type, id, version, at FROM resource_version WHERE type = $1`,
      [type],
    );
  }
  const { rows } = await control.query<{ name: string }>(
    `SELECT type || '/' || id AS name FROM resource WHERE type IN ('Device', 'Observation') ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

/** Has every job stop where it comes to `id` in the second type, until the gate is opened. */
async function closeGate(id: string): Promise<void> {
  await control.query(`
    CREATE OR REPLACE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF NEW.place_walk = 1 AND NEW.place_id >= '${id}' THEN
        PERFORM pg_advisory_lock_shared(${String(GATE)});
        PERFORM pg_advisory_unlock_shared(${String(GATE)});
      END IF;
      RETURN NEW;
    END $$;
    DROP TRIGGER IF EXISTS gate ON export_job;
    CREATE TRIGGER gate BEFORE UPDATE ON export_job FOR EACH ROW
    WHEN (NEW.state = 'open' AND NEW.place_id IS DISTINCT FROM OLD.place_id) EXECUTE FUNCTION wait_at_gate()`);
  await control.query('SELECT pg_advisory_lock($1)', [GATE]);
}

const openGate = () => control.query('SELECT pg_advisory_unlock($1)', [GATE]);

/** The connection that waits at the gate. */
async function waiting(): Promise<number> {
  let pid: number | undefined;
  await waitFor(
    async () => {
      const { rows } = await control.query<{ pid: number }>(
        `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND NOT granted
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
        [GATE],
      );
      pid = rows[0]?.pid;
      return pid !== undefined;
    },
    { milliseconds: 60_000, what: 'the export to come to the gate' },
  );
  return pid!;
}

const at = (status: string, other: Hub) => `${other.url}${new URL(status).pathname}`;

test('an export of 20,000 resources whose process is killed in the middle, twice, holds each of them once', async () => {
  const stored = await store();
  const folder = newFolder('exports');
  const first = await hub({ EXPORT_DIR: folder });
  await closeGate('r003000');
  const status = await kickOff(`${first.fhir}/$export?_type=Observation,Device`);
  // The lines are in the file, their place was never kept: they are to be cut off.
  const torn = await waiting();
  await first.kill();
  await control.query('SELECT pg_terminate_backend($1)', [torn]);
  await openGate();
  await closeGate('r006000');
  const second = await hub({ EXPORT_DIR: folder });
  // The place is kept although the process that asked for it is gone.
  await waiting();
  await second.kill();
  await openGate();
  const third = await hub({ EXPORT_DIR: folder, PUBLIC_URL: second.url });
  const { output } = await manifestOf(at(status, third));
  const manifest = { output: output.map((file) => ({ ...file, url: at(file.url, third) })) };
  expect(manifest.output.map(({ type, count }) => [type, count])).toEqual([
    ['Device', RESOURCES / 2],
    ['Observation', RESOURCES / 2],
  ]);
  expect(await exported(manifest as never)).toEqual(stored);
});

test('what is written while an export runs is not in it, and no resource is torn or missing', async () => {
  const stored = await store();
  const one = await hub({});
  await closeGate('r003000');
  const status = await kickOff(`${one.fhir}/$export?_type=Observation,Device`);
  await waiting();
  // Behind the gate one resource changes and one goes; before it and behind it one comes.
  await control.query(`
    INSERT INTO resource_version (epoch, type, id, version, interaction, method, face, at, body)
    SELECT epoch, 'Observation', v.id, v.version, v.interaction, 'PUT', 'r4b', now(), v.body FROM log_epoch, (VALUES
      ('r009000', 2, 'update', '{"resourceType":"Observation","id":"r009000","status":"later"}'),
      ('r009001', 2, 'delete', NULL), ('a', 1, 'create', '{}'), ('z', 1, 'create', '{}')) AS v (id, version, interaction, body);
    INSERT INTO resource (type, id, version, deleted, last_updated)
    VALUES ('Observation', 'r009000', 2, false, now()), ('Observation', 'r009001', 2, true, now()),
           ('Observation', 'a', 1, false, now()), ('Observation', 'z', 1, false, now())
    ON CONFLICT (type, id) DO UPDATE
    SET version = excluded.version, deleted = excluded.deleted, last_updated = excluded.last_updated`);
  await openGate();
  const manifest = await manifestOf(status);
  expect(await exported(manifest)).toEqual(stored);
  const lines = await linesOf(manifest.output.find(({ type }) => type === 'Observation')!.url);
  expect(lines.find(({ id }) => id === 'r009000').status).toBeUndefined();
});

test('another process goes on with the export of one that died, where they share the folder', async () => {
  const stored = await store();
  const folder = newFolder('exports');
  const [first, second] = await Promise.all([hub({ EXPORT_DIR: folder }), hub({ EXPORT_DIR: folder })]);
  await closeGate('r003000');
  const status = await kickOff(`${first.fhir}/$export?_type=Observation,Device`);
  const { rows } = await control.query<{ name: string }>('SELECT application_name AS name FROM pg_stat_activity WHERE pid = $1', [
    await waiting(),
  ]);
  expect(rows).toHaveLength(1);
  const { rows: leases } = await control.query<{ by: string }>('SELECT leased_by AS by FROM export_job');
  const holder = [first, second].find(({ pid }) => leases[0]!.by.includes(`/${String(pid)}/`))!;
  const other = holder === first ? second : first;
  await holder.kill();
  await openGate();
  const { output } = await manifestOf(at(status, other));
  expect(await exported({ output: output.map((file) => ({ ...file, url: at(file.url, other) })) } as never)).toEqual(stored);
});

test('without a shared folder the other process begins anew, and says whose the files are', async () => {
  const stored = await store();
  const [first, second] = await Promise.all([hub({}), hub({})]);
  await closeGate('r003000');
  const status = await kickOff(`${first.fhir}/$export?_type=Observation,Device`);
  await waiting();
  const { rows: leases } = await control.query<{ by: string }>('SELECT leased_by AS by FROM export_job');
  const holder = [first, second].find(({ pid }) => leases[0]!.by.includes(`/${String(pid)}/`))!;
  const other = holder === first ? second : first;
  await holder.kill();
  await openGate();
  const { output } = await manifestOf(at(status, other));
  const files = (from: Hub) => output.map((file) => ({ ...file, url: at(file.url, from) }));
  expect(await exported({ output: files(other) } as never)).toEqual(stored);
  const third = await hub({});
  const refused = await fetch(files(third)[0]!.url);
  expect([refused.status, ((await refused.json()) as { issue: { diagnostics: string }[] }).issue[0]!.diagnostics]).toEqual([
    503,
    expect.stringContaining('EXPORT_DIR'),
  ]);
});

test('no more exports than allowed are under way at a time, whichever process is asked', async () => {
  const [first, second] = await Promise.all([hub({ EXPORT_JOBS: '2' }), hub({ EXPORT_JOBS: '2' })]);
  const ask = (at: Hub) => fetch(`${at.fhir}/$export`, { headers: { Prefer: 'respond-async' } });
  const answers = await Promise.all([first, second, first, second, first, second].map(ask));
  const refused = answers.filter(({ status }) => status === 429);
  expect(answers.filter(({ status }) => status === 202)).toHaveLength(2);
  expect(refused).toHaveLength(4);
  expect(refused.every(({ headers }) => Number(headers.get('retry-after')) > 0)).toBe(true);
});

test('an export is gone with its files once it has expired', async () => {
  const one = await hub({});
  const status = await kickOff(`${one.fhir}/$export?_type=SubscriptionTopic`);
  const { output } = await manifestOf(status);
  expect((await fetch(output[0]!.url)).status).toBe(200);
  await control.query(`UPDATE export_job SET expires = now()`);
  expect((await fetch(status)).status).toBe(404);
  expect((await fetch(output[0]!.url)).status).toBe(404);
});

test('an export that is ended while it is worked on leaves nothing behind', async () => {
  await store();
  const folder = newFolder('exports');
  const one = await hub({ EXPORT_DIR: folder });
  await closeGate('r003000');
  const status = await kickOff(`${one.fhir}/$export?_type=Observation,Device`);
  await waiting();
  const ended = fetch(status, { method: 'DELETE' });
  await openGate();
  expect((await ended).status).toBe(202);
  await waitFor(() => readdirSync(folder).every((name) => name.startsWith('.')), { what: 'no files' });
  expect((await fetch(status)).status).toBe(404);
  expect(one.output()).not.toContain('export.failed');
});
