import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { PostgresWakeUps } from '../../src/storage/postgres-wake-ups.js';
import { administer, cloneDatabase, type TestDatabase } from '../support/clone-database.js';
import { waitFor } from '../support/wait-for.js';

let database: TestDatabase;
const open: PostgresWakeUps[] = [];

beforeAll(async () => {
  database = await cloneDatabase();
});
afterEach(async () => {
  for (const wakeUps of open.splice(0)) await wakeUps.stop();
});
afterAll(() => database.drop());

/** One that listens already, and counts what it hears from then on. */
async function listening() {
  const wakeUps = new PostgresWakeUps(database.url, () => {});
  open.push(wakeUps);
  const heard = { changes: 0, events: 0 };
  for (const kind of ['changes', 'events'] as const) wakeUps.on(kind, () => heard[kind]++);
  wakeUps.start();
  await waitFor(() => heard.changes === 1 && heard.events === 1, { what: 'the wake-up that follows connecting' });
  heard.changes = heard.events = 0;
  return { wakeUps, heard };
}

test('a wake-up is heard in the own process at once and in another one soon', async () => {
  const [a, b] = [await listening(), await listening()];
  a.wakeUps.send('changes');
  expect(a.heard).toEqual({ changes: 1, events: 0 });
  await waitFor(() => b.heard.changes === 1);
  expect(b.heard.events).toBe(0);
});

test('a thousand wake-ups at once reach the other processes as one, and do not come back', async () => {
  const [a, b] = [await listening(), await listening()];
  for (let i = 0; i < 1000; i++) a.wakeUps.send('events');
  a.wakeUps.send('changes');
  await waitFor(() => b.heard.changes > 0 && b.heard.events > 0);
  // What b sends afterwards arrives after everything a sent.
  b.wakeUps.send('changes');
  await waitFor(() => a.heard.changes === 2);
  expect(b.heard.events).toBe(1);
  expect(a.heard.events).toBe(1000);
});

test('a lost connection is made again, and who may have missed something is woken', async () => {
  const { heard } = await listening();
  await administer(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database.name}' AND application_name = 'carillon wake-ups'`,
  );
  await waitFor(() => heard.changes === 1 && heard.events === 1);
  const other = await listening();
  other.wakeUps.send('events');
  await waitFor(() => heard.events === 2);
});

test('without a database it still wakes its own process, and stops at once', async () => {
  const wakeUps = new PostgresWakeUps('postgres://postgres@localhost/none?host=/nonexistent', () => {});
  let heard = 0;
  wakeUps.on('changes', () => heard++);
  wakeUps.start();
  wakeUps.start();
  wakeUps.send('changes');
  expect(heard).toBe(1);
  await wakeUps.stop();
  await wakeUps.stop();
});

test('strange notifications on the channel are ignored', async () => {
  const { heard } = await listening();
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  for (const payload of ['', 'x', 'x constructor __proto__', 'x changes']) {
    await client.query('SELECT pg_notify($1, $2)', ['carillon_wake_up', payload]);
  }
  await client.end();
  await waitFor(() => heard.changes === 1);
  expect(heard.events).toBe(0);
});

/** The one process of the server that serves the only connection for wake-ups there is. */
async function backendOfWakeUps(): Promise<number> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const { rows } = await client.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'carillon wake-ups'`,
  );
  await client.end();
  expect(rows).toHaveLength(1);
  return rows[0]!.pid;
}

test('while PostgreSQL takes its time over one notification, the next wait instead of crowding the connection', async () => {
  const { wakeUps } = await listening();
  const backend = await backendOfWakeUps();
  const other = await listening();
  process.kill(backend, 'SIGSTOP');
  try {
    for (const wakeUp of ['changes', 'changes', 'changes', 'changes', 'events'] as const) {
      wakeUps.send(wakeUp);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  } finally {
    process.kill(backend, 'SIGCONT');
  }
  await waitFor(() => other.heard.events > 0);
  expect(other.heard).toEqual({ changes: 2, events: 1 });
});
