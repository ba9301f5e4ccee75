import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import pg from 'pg';
import { processesIn, processIdentity } from '../../src/storage/postgres/processes.js';
import { cloneDatabase } from '../support/clone-database.js';
import { killAll } from '../support/kill-all.js';
import { newFolder } from '../support/run-folder.js';
import { type Hub, type HubOptions, startHub } from '../support/start-hub.js';
import { waitFor } from '../support/wait-for.js';

const started: Hub[] = [];

async function start(options: HubOptions): Promise<Hub> {
  const hub = await startHub({ database: 'own', ...options });
  started.push(hub);
  return hub;
}

afterEach(async () => {
  for (const hub of started.splice(0)) await hub.stop();
});

const serversOf = (dataDir: string) => processesIn(realpathSync(join(dataDir, 'postgres')));
const postmasterOf = (dataDir: string) =>
  Number(readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0]);

/** A statement on the hub's own database, past the hub. */
async function query(hub: Hub, text: string): Promise<unknown[]> {
  const client = new pg.Client({ host: join(hub.dataDir, 'postgres'), user: 'postgres', database: 'carillon' });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

test('after kill -9 of the hub the next start stops the orphan PostgreSQL of its DATA_DIR, and what was committed is there', async () => {
  const hub = await start({});
  await query(hub, "CREATE TABLE kept AS SELECT 'committed' AS word");
  await hub.kill();
  const orphans = serversOf(hub.dataDir);
  expect(orphans.length).toBeGreaterThan(1);

  const next = await start({ dataDir: hub.dataDir });
  expect(next.output()).toContain('orphan processes');
  expect(orphans.filter((pid) => processIdentity(pid) !== undefined)).toEqual([]);
  expect(await query(next, 'SELECT word FROM kept')).toEqual([{ word: 'committed' }]);
  expect(await next.stop()).toBe(0);
  expect(serversOf(hub.dataDir)).toEqual([]);
});

test('after kill -9 of the hub and of all of its PostgreSQL the next start recovers', async () => {
  const hub = await start({});
  await query(hub, "CREATE TABLE kept AS SELECT 'committed' AS word");
  await hub.kill();
  killAll(serversOf(hub.dataDir));
  await waitFor(() => serversOf(hub.dataDir).length === 0);
  expect(existsSync(join(hub.dataDir, 'postgres', 'postmaster.pid'))).toBe(true);

  const next = await start({ dataDir: hub.dataDir });
  expect(next.output()).toContain('stale files');
  expect(await query(next, 'SELECT word FROM kept')).toEqual([{ word: 'committed' }]);
});

test('after kill -9 of the hub and of the postmaster alone the next start waits for its children to go', async () => {
  const hub = await start({});
  await hub.kill();
  process.kill(postmasterOf(hub.dataDir), 'SIGKILL');
  const next = await start({ dataDir: hub.dataDir });
  expect((await fetch(`${next.url}/health/ready`)).status).toBe(200);
});

test('an orphan that does not heed the polite request is ended all the same', async () => {
  const hub = await start({});
  await hub.kill();
  const postmaster = postmasterOf(hub.dataDir);
  process.kill(postmaster, 'SIGSTOP');
  const next = await startHub({ database: 'own', dataDir: hub.dataDir });
  started.push(next);
  expect(processIdentity(postmaster)).toBeUndefined();
}, 240_000);

/** The hub that holds the lock, unless it is one of those killed before. */
function ownerOf(dataDir: string, killed: ReadonlySet<number>): number | undefined {
  const { pid } = JSON.parse(readFileSync(join(dataDir, 'hub.lock'), 'utf8')) as { pid: number };
  return killed.has(pid) ? undefined : pid;
}

test('killed again and again, at any moment of its start, it always comes up in the end', async () => {
  const dataDir = newFolder('data');
  const killed = new Set<number>();
  for (const marker of ['hub.lock', 'postgres.making', 'postgres/PG_VERSION', 'postgres/postmaster.pid']) {
    const attempt = startHub({ database: 'own', dataDir }).catch(() => undefined);
    // The lock of the one killed before lies there until this one has taken it.
    const pid = await waitFor(() => existsSync(join(dataDir, marker)) && ownerOf(dataDir, killed), { stepMilliseconds: 1 });
    process.kill(pid, 'SIGKILL');
    killed.add(pid);
    await attempt;
  }
  const hub = await start({ dataDir });
  expect((await fetch(`${hub.url}/health/ready`)).status).toBe(200);
}, 240_000);

test('when its PostgreSQL dies the hub stays, starts it again, and is ready again', async () => {
  const hub = await start({});
  const before = postmasterOf(hub.dataDir);
  killAll(serversOf(hub.dataDir));
  await waitFor(async () => {
    const now = postmasterOf(hub.dataDir);
    return now !== before && (await fetch(`${hub.url}/health/ready`)).ok;
  });
  expect((await fetch(`${hub.url}/health/live`)).status).toBe(200);
  expect(hub.output().split('postgres.died')).toHaveLength(2);
  expect(await hub.stop()).toBe(0);
  expect(serversOf(hub.dataDir)).toEqual([]);
});

test('a stop while PostgreSQL is being started again leaves nothing running', async () => {
  const hub = await start({});
  process.kill(postmasterOf(hub.dataDir), 'SIGKILL');
  expect(await hub.stop()).toBe(0);
  expect(serversOf(hub.dataDir)).toEqual([]);
});

test('while PostgreSQL is away every FHIR address says so with 503, those of subscribers too', async () => {
  const database = await cloneDatabase();
  const hub = await start({ database });
  const paths = ['Patient', 'Patient/x', '_history', 'Subscription/$status', 'Subscription/x/$status', 'Subscription/x/$events'];
  await database.drop();
  const answers = await Promise.all(paths.map((path) => fetch(`${hub.fhir}/${path}`)));
  expect(answers.map(({ status }, index) => `${paths[index]} ${status}`)).toEqual(paths.map((path) => `${path} 503`));
  expect(answers.map(({ headers }) => headers.get('retry-after'))).toEqual(paths.map(() => '1'));
});
