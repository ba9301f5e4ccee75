import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { processesIn } from '../../src/storage/postgres/processes.js';
import { freePort } from '../support/free-port.js';
import { newFolder } from '../support/run-folder.js';
import { type Hub, type HubOptions, runHub, startHub } from '../support/start-hub.js';
import { waitFor } from '../support/wait-for.js';

const started: Hub[] = [];

async function start(options: HubOptions): Promise<Hub> {
  const hub = await startHub({ database: 'own', ...options });
  started.push(hub);
  return hub;
}

/** The PostgreSQL processes of a DATA_DIR, and what a hub without any would have left in it. */
const serversOf = (dataDir: string) => processesIn(realpathSync(join(dataDir, 'postgres')));

function expectNothingLeft(dataDir: string): void {
  expect(serversOf(dataDir)).toEqual([]);
  for (const name of ['hub.lock', 'postgres/postmaster.pid', 'postgres/.s.PGSQL.5432']) {
    expect({ name, exists: existsSync(join(dataDir, name)) }).toEqual({ name, exists: false });
  }
}

afterEach(async () => {
  for (const hub of started.splice(0)) await hub.stop();
});

test('starts on an empty DATA_DIR with a database of its own, says so in one line, and starts again on what it left', async () => {
  const dataDir = join(newFolder('data'), 'not', 'there', 'yet');
  mkdirSync(dataDir, { recursive: true });
  const first = await start({ dataDir });
  expect(first.output()).toContain(`Carillon is ready at http://127.0.0.1:${first.port}`);
  expect(await first.stop()).toBe(0);
  const second = await start({ dataDir });
  expect(second.output()).not.toContain('database.migrated');
  expect(await second.stop()).toBe(0);
});

test.each(['SIGTERM', 'SIGINT'] as const)('%s ends it with code 0 and leaves nothing running or locked', async (signal) => {
  const hub = await start({});
  expect(serversOf(hub.dataDir).length).toBeGreaterThan(1);
  expect(await hub.stop(signal)).toBe(0);
  expectNothingLeft(hub.dataDir);
});

test('a signal during the start is obeyed, and leaves no database server', async () => {
  for (const marker of ['hub.lock', 'postgres/postmaster.pid']) {
    const dataDir = newFolder('data');
    const ending = startHub({ database: 'own', dataDir }).then(
      (hub) => hub.stop(),
      (error: Error) => error.message,
    );
    await waitFor(() => existsSync(join(dataDir, marker)), { stepMilliseconds: 1, what: marker });
    const { pid } = JSON.parse(readFileSync(join(dataDir, 'hub.lock'), 'utf8')) as { pid: number };
    process.kill(pid, 'SIGTERM');
    await ending;
    expectNothingLeft(dataDir);
  }
});

test('a second hub on the same DATA_DIR is refused with one line, and the first goes on', async () => {
  const hub = await start({});
  const second = await runHub({ database: 'own', dataDir: hub.dataDir });
  expect(second.code).toBe(1);
  expect(second.output.trim().split('\n')).toEqual([
    `Carillon cannot start: Another Carillon (process ${hub.pid}) already works in this DATA_DIR; stop it, or choose another DATA_DIR.`,
  ]);
  expect((await fetch(`${hub.url}/health/ready`)).status).toBe(200);
});

test('of hubs that start on the same DATA_DIR at the same moment, one serves and the others are refused', async () => {
  const dataDir = newFolder('data');
  const outcomes = await Promise.allSettled([1, 2, 3].map(() => startHub({ database: 'own', dataDir })));
  const serving = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  started.push(...serving);
  expect(serving).toHaveLength(1);
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') expect(String(outcome.reason)).toContain('already works in this DATA_DIR');
  }
  expect(await serving[0]!.stop()).toBe(0);
});

test('a lock left by a dead hub does not count, not even when its process number is in use again', async () => {
  const dataDir = newFolder('data');
  writeFileSync(join(dataDir, 'hub.lock'), JSON.stringify({ pid: process.pid, identity: 'an earlier run:1' }));
  const hub = await start({ dataDir });
  expect(await hub.stop()).toBe(0);
  writeFileSync(join(dataDir, 'hub.lock'), '{ "pid": 12'); // cut off by a full disk
  expect(await (await start({ dataDir })).stop()).toBe(0);
});

test('a taken port is refused with one line before anything is started', async () => {
  const port = await freePort();
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
  const dataDir = newFolder('data');
  const { code, output } = await runHub({ database: 'own', dataDir, port });
  await new Promise((resolve) => other.close(resolve));
  expect(code).toBe(1);
  expect(output.trim()).toBe(
    `Carillon cannot start: Port ${port} of 127.0.0.1 is taken by another program; stop it, or choose another PORT.`,
  );
  expect(existsSync(join(dataDir, 'postgres'))).toBe(false);
});

test('a DATA_DIR that cannot be one is refused with one line', async () => {
  const file = join(newFolder('data'), 'file');
  writeFileSync(file, '');
  for (const dataDir of [file, join(file, 'below'), '/proc/nowhere/deep']) {
    const { code, output } = await runHub({ database: 'own', env: { DATA_DIR: dataDir } });
    expect(code).toBe(1);
    expect(output.trim().split('\n')).toHaveLength(1);
    expect(output).toContain(`Carillon cannot start: DATA_DIR ${dataDir} cannot be used (`);
  }
});

test.each(['0.0.0.0', '::', '192.168.1.10', 'example.org', '127.0.0.1.example.org'])(
  'HOST %s is refused: there is no access control yet',
  async (host) => {
    const { code, output } = await runHub({ database: 'own', env: { HOST: host } });
    expect(code).toBe(1);
    expect(output.trim().split('\n')).toHaveLength(1);
    expect(output).toContain(`HOST ${host} is not a loopback address: Carillon has no access control yet`);
  },
);

test('a bad setting stops the start with its name, and without repeating a secret', async () => {
  const bad = await runHub({ env: { PORT: '80a80' } });
  expect(bad).toEqual({ code: 1, output: 'Carillon cannot start: PORT must be a whole number between 1 and 65535\n' });
  const secret = await runHub({ env: { DATABASE_URL: 'mysql://user:hush@localhost/db' } });
  expect(secret.code).toBe(1);
  expect(secret.output).toContain('DATABASE_URL');
  expect(secret.output).not.toContain('hush');
});

test('a start that fails after its database server runs takes it down again', async () => {
  const dataDir = newFolder('data');
  const hub = await start({ dataDir });
  expect(await hub.stop()).toBe(0);
  const control = join(dataDir, 'postgres', 'global', 'pg_control');
  const whole = readFileSync(control);
  writeFileSync(control, whole.subarray(0, 10));
  const { code, output } = await runHub({ database: 'own', dataDir });
  expect(code).toBe(1);
  expect(output).toContain('Carillon cannot start: PostgreSQL did not start');
  expectNothingLeft(dataDir);
  writeFileSync(control, whole);
  expect(await (await start({ dataDir })).stop()).toBe(0);
});

test('works in a DATA_DIR whose path is far too long for a socket', async () => {
  const dataDir = join(newFolder('data'), 'x'.repeat(120));
  mkdirSync(dataDir);
  const hub = await start({ dataDir });
  expect(await hub.stop()).toBe(0);
  expectNothingLeft(dataDir);
});

test('works in a DATA_DIR that only its owner may enter', async () => {
  const dataDir = newFolder('data');
  const inside = join(dataDir, 'inside');
  mkdirSync(inside, { mode: 0o700 });
  const hub = await start({ dataDir: inside });
  expect(await hub.stop()).toBe(0);
  expectNothingLeft(inside);
});
