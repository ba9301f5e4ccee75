import { spawn } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from '@jest/globals';
import pg from 'pg';
import { readKeyFile } from '../../src/secrets/key-file.js';
import { newSecretKey } from '../../src/secrets/secret-key.js';
import { cloneDatabase, type TestDatabase } from '../support/clone-database.js';
import { EndpointReceiver } from '../support/endpoint-receiver.js';
import { newFolder } from '../support/run-folder.js';
import { signingSecret } from '../support/secret-resources.js';
import { type Hub, type HubOptions, runHub, startHub } from '../support/start-hub.js';
import { classicSubscription, Client } from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';

const ROTATE = fileURLToPath(new URL('../../dist/rotate-secret-key.js', import.meta.url));

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function givenDatabase(): Promise<TestDatabase> {
  const clone = await cloneDatabase();
  cleanUps.push(() => clone.drop());
  return clone;
}
async function givenHub(options: HubOptions): Promise<Hub> {
  const hub = await startHub(options);
  cleanUps.push(() => hub.stop());
  return hub;
}
async function connectedTo({ url }: TestDatabase): Promise<pg.Client> {
  const connection = new pg.Client({ connectionString: url });
  await connection.connect();
  cleanUps.push(() => connection.end());
  return connection;
}

/** Runs the rotation as an operator would, with the settings of the hub. */
function rotation(env: Record<string, string>) {
  const child = spawn(process.execPath, [ROTATE], { env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env } });
  cleanUps.push(async () => child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const ended = new Promise<{ code: number | null; output: string }>((resolve) =>
    child.once('close', (code) => resolve({ code, output })),
  );
  return { ended, kill: () => child.kill('SIGKILL') };
}

const subscriptionTo = (endpoint: string, id: string) => ({
  ...classicSubscription(endpoint, { header: [`Authorization: Bearer secret of ${id}`] }),
  id,
});
const keyFileIn = (dataDir: string) => join(dataDir, 'secret.key');
const base64 = () => newSecretKey().bytes.toString('base64');

test('the key is made at the first start for its owner alone, and found again; other keys stop the start and say why', async () => {
  const database = await givenDatabase();
  const dataDir = newFolder('data');
  const hub = await startHub({ database, dataDir });
  const file = keyFileIn(dataDir);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const client = new Client(hub);
  expect((await client.send('PUT', 'Subscription/s', subscriptionTo('http://127.0.0.1:9/', 's'))).status).toBe(201);
  expect(await hub.stop()).toBe(0);
  const [key] = readKeyFile(file);

  const other = await runHub({ database, dataDir, env: { SECRET_KEY: base64() } });
  expect(other.code).toBe(1);
  expect(other.output).toContain(`Carillon cannot start: The database holds secrets sealed under the key ${key!.id}`);

  const elsewhere = newFolder('data');
  const without = await runHub({ database, dataDir: elsewhere });
  expect(without.code).toBe(1);
  expect(without.output).toContain(`there is no key file ${keyFileIn(elsewhere)}`);
  expect(existsSync(keyFileIn(elsewhere))).toBe(false);

  chmodSync(file, 0o644);
  const open = await runHub({ database, dataDir });
  expect(open.code).toBe(1);
  expect(open.output).toContain(
    `Carillon cannot start: The key file ${file} can be read or written by others (mode 644); chmod 600 it.`,
  );
  for (const { output } of [other, without, open]) expect(output).not.toContain(key!.bytes.toString('base64'));
  chmodSync(file, 0o600);

  const again = await givenHub({ database, dataDir: elsewhere, env: { SECRET_KEY_FILE: file } });
  expect((await new Client(again).read('s')).channel.header).toEqual(['Authorization: Bearer secret of s']);
});

test('a setting that is no key stops the start, and is not repeated', async () => {
  const notAKey = signingSecret();
  const { code, output } = await runHub({ env: { SECRET_KEY: notAKey } });
  expect(code).toBe(1);
  expect(output).toContain('Carillon cannot start: SECRET_KEY must be the base64 of 32 bytes');
  expect(output).not.toContain(notAKey);
  const both = await runHub({ env: { SECRET_KEY: base64(), SECRET_KEY_FILE: '/nowhere' } });
  expect([both.code, both.output]).toEqual([1, expect.stringContaining('SECRET_KEY and SECRET_KEY_FILE may not both be set')]);
});

test('two hubs on one database with different keys: the second one refuses what it would have to seal', async () => {
  const database = await givenDatabase();
  const [one, two] = await Promise.all([givenHub({ database }), givenHub({ database })]);
  const put = (hub: Hub, id: string) =>
    new Client(hub).send('PUT', `Subscription/${id}`, subscriptionTo('http://127.0.0.1:9/', id));
  expect((await put(one, 'a')).status).toBe(201);
  const refused = await put(two, 'b');
  expect(refused.status).toBe(503);
  expect(two.output()).toContain('secrets.not-sealed');
  expect((await new Client(one).send('GET', 'Subscription/b')).status).toBe(404);
  // What it cannot open it shows as masked, and goes on.
  expect((await new Client(two).read('a')).channel.header).toEqual(['Authorization: ***']);
});

test('versions stored by a release without sealing are sealed before anything is served', async () => {
  const database = await givenDatabase();
  const connection = await connectedTo(database);
  const body = JSON.stringify({ resourceType: 'Endpoint', id: 'old', header: ['Authorization: Bearer of old'] });
  for (const version of [1, 2]) {
    await connection.query(
      `INSERT INTO resource_version (epoch, type, id, version, interaction, method, face, at, body)
       VALUES (1, 'Endpoint', 'old', $1, 'update', 'PUT', 'r4b', now(), $2)`,
      [version, body],
    );
  }
  await connection.query("INSERT INTO plain_version SELECT type, id, version FROM resource_version WHERE type = 'Endpoint'");
  await connection.query("INSERT INTO resource (type, id, version, last_updated) VALUES ('Endpoint', 'old', 2, now())");
  const hub = await givenHub({ database });
  expect(hub.output()).toContain('"versions":2');
  const { rows } = await connection.query<{ body: string }>("SELECT body FROM resource_version WHERE type = 'Endpoint'");
  expect(rows.map((row) => row.body.replace(/sealed\.v1\.[\w.-]+/, 'SEALED'))).toEqual(
    [1, 2].map(() => body.replace(/Bearer of old/, 'SEALED').replace(': SEALED', ':SEALED')),
  );
  expect((await connection.query('SELECT FROM plain_version')).rowCount).toBe(0);
  expect((await new Client(hub).send('GET', 'Endpoint/old')).body.header).toEqual(['Authorization: Bearer of old']);
});

test('a rotation killed half-way is run again while the hub serves; in the end the new key alone opens everything', async () => {
  const database = await givenDatabase();
  const dataDir = newFolder('data');
  const receiver = await EndpointReceiver.start();
  cleanUps.push(() => receiver.close());
  const hub = await givenHub({ database, dataDir });
  const client = new Client(hub);
  const put = (id: string, more: object = {}) =>
    client.send('PUT', `Subscription/${id}`, { ...subscriptionTo(receiver.url(`/${id}`), id), ...more });
  const ids = Array.from({ length: 250 }, (_, n) => `s${String(n).padStart(3, '0')}`);
  const written = await Promise.all(ids.map((id) => put(id)));
  expect(new Set(written.map(({ status }) => status))).toEqual(new Set([201]));
  const [oldKey] = readKeyFile(keyFileIn(dataDir));
  const copy = join(newFolder('copy'), 'secret.key');
  copyFileSync(keyFileIn(dataDir), copy);

  // It stops in front of a version that somebody holds, so it is in its middle for certain when it is killed.
  const connection = await connectedTo(database);
  const keyIds = async () =>
    (await connection.query<{ key_id: string }>('SELECT DISTINCT key_id FROM sealed_version')).rows.map((row) => row.key_id);
  const holder = await connectedTo(database);
  await holder.query('BEGIN');
  // The one written last: in no first batch, whatever order the others were written in.
  await holder.query('SELECT FROM sealed_version WHERE ctid = (SELECT max(ctid) FROM sealed_version) FOR UPDATE');
  const env = { DATABASE_URL: database.url, DATA_DIR: dataDir };
  const first = rotation(env);
  await waitFor(async () => (await keyIds()).length === 2, { what: 'some versions to be sealed anew' });
  first.kill();
  expect((await first.ended).code).toBeNull();
  await holder.query('ROLLBACK');
  expect(readKeyFile(keyFileIn(dataDir))).toHaveLength(2);

  // Half-way everything works: what is sealed under either key is read and served, and new secrets are sealed.
  for (const id of ['s000', 's249'])
    expect((await client.read(id)).channel.header).toEqual([`Authorization: Bearer secret of ${id}`]);
  expect((await put('between')).status).toBe(201);
  await client.result();
  for (const id of ['s000', 's249', 'between']) {
    const { headers } = await receiver.waitFor((request) => request.path === `/${id}`);
    expect(headers['authorization']).toBe(`Bearer secret of ${id}`);
  }

  const second = await rotation(env).ended;
  expect(second).toMatchObject({ code: 0, output: expect.stringContaining(`Out of use: ${oldKey!.id}`) });
  const [newKey, ...more] = readKeyFile(keyFileIn(dataDir));
  expect(more).toEqual([]);
  expect(newKey).not.toEqual(oldKey);
  expect(second.output).not.toContain(newKey!.bytes.toString('base64'));
  expect(await keyIds()).toEqual([newKey!.id]);
  const { rows } = await connection.query<{ count: string }>(
    `SELECT count(*) FROM resource_version WHERE type = 'Subscription' AND body LIKE '%sealed.v1.${oldKey!.id}%'`,
  );
  expect(Number(rows[0]!.count)).toBe(0);

  // The hub, which never stopped, goes by the new key: its own status moves of what it read before, and writes of clients.
  receiver.always(410);
  await client.result();
  await client.untilStatus('s001', 'off');
  expect((await put('s002', { reason: 'changed' })).status).toBe(200);
  expect(await keyIds()).toEqual([newKey!.id]);
  await hub.stop();

  writeFileSync(keyFileIn(dataDir), readFileSync(copy), { mode: 0o600 });
  expect((await runHub({ database, dataDir })).code).toBe(1);
  const again = await givenHub({ database, dataDir: newFolder('data'), env: { SECRET_KEY: newKey!.bytes.toString('base64') } });
  for (const id of ['s000', 's001', 's249', 'between'])
    expect((await new Client(again).read(id)).channel.header).toEqual([`Authorization: Bearer secret of ${id}`]);
});

test('with SECRET_KEY the new key comes first from a restart on; the rotation says what is left to do', async () => {
  const database = await givenDatabase();
  const [oldKey, newKey] = [base64(), base64()];
  const hub = await startHub({ database, env: { SECRET_KEY: oldKey } });
  const put = (to: Hub, id: string) =>
    new Client(to).send('PUT', `Subscription/${id}`, subscriptionTo('http://127.0.0.1:9/', id));
  await put(hub, 'a');
  const alone = await rotation({ DATABASE_URL: database.url, SECRET_KEY: oldKey }).ended;
  expect(alone).toMatchObject({ code: 1, output: expect.stringContaining('SECRET_KEY has one key only') });
  expect(alone.output).not.toContain(oldKey);
  await hub.stop();

  const both = `${newKey},${oldKey}`;
  const next = await startHub({ database, env: { SECRET_KEY: both } });
  expect((await put(next, 'b')).status).toBe(201);
  const done = await rotation({ DATABASE_URL: database.url, SECRET_KEY: both }).ended;
  expect(done).toMatchObject({ code: 0, output: expect.stringContaining('SECRET_KEY needs only its first key') });
  await next.stop();
  const last = await givenHub({ database, env: { SECRET_KEY: newKey } });
  for (const id of ['a', 'b'])
    expect((await new Client(last).read(id)).channel.header).toEqual([`Authorization: Bearer secret of ${id}`]);
});

test('the embedded database is reached while its hub runs, and opened where none does', async () => {
  const dataDir = newFolder('data');
  const hub = await startHub({ database: 'own', dataDir });
  await new Client(hub).send('PUT', 'Subscription/s', subscriptionTo('http://127.0.0.1:9/', 's'));
  const beside = await rotation({ DATA_DIR: dataDir }).ended;
  expect(beside).toMatchObject({ code: 0, output: expect.stringMatching(/; [1-9]\d* versions were sealed anew/) });
  expect((await new Client(hub).read('s')).channel.header).toEqual(['Authorization: Bearer secret of s']);
  await hub.stop();
  const alone = await rotation({ DATA_DIR: dataDir }).ended;
  expect(alone).toMatchObject({ code: 0, output: expect.stringMatching(/; [1-9]\d* versions were sealed anew/) });
  const again = await givenHub({ database: 'own', dataDir });
  expect((await new Client(again).read('s')).channel.header).toEqual(['Authorization: Bearer secret of s']);
});
