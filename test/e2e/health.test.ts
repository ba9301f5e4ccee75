import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { administer, cloneDatabase, type TestDatabase } from '../support/clone-database.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { waitFor } from '../support/wait-for.js';

let database: TestDatabase;
let hub: Hub;

beforeAll(async () => {
  database = await cloneDatabase();
  hub = await startHub({ database });
});
afterAll(async () => {
  await hub.stop();
  await database.drop();
});

test('a hub that serves says live and ready, and nothing may keep the answer', async () => {
  for (const [path, status] of [
    ['live', 'live'],
    ['ready', 'ready'],
  ]) {
    const response = await fetch(`${hub.url}/health/${path}`);
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.json()).toEqual({ status });
  }
});

test('without its database it stays live, is not ready, and is ready again by itself', async () => {
  await administer(`ALTER DATABASE ${database.name} WITH ALLOW_CONNECTIONS false`);
  await administer(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database.name}'`);
  await waitFor(async () => (await fetch(`${hub.url}/health/ready`)).status === 503);
  expect(await (await fetch(`${hub.url}/health/ready`)).json()).toEqual({ status: 'not ready', missing: ['database'] });
  expect((await fetch(`${hub.url}/health/live`)).status).toBe(200);

  await administer(`ALTER DATABASE ${database.name} WITH ALLOW_CONNECTIONS true`);
  await waitFor(async () => (await fetch(`${hub.url}/health/ready`)).ok);
});
