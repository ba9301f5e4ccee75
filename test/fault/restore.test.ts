import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { migrate } from '../../src/storage/migrate.js';
import { PostgresServer } from '../../src/storage/postgres/postgres-server.js';
import { cloneDatabase, type TestDatabase } from '../support/clone-database.js';
import { copyDatabase } from '../support/copy-database.js';
import { EndpointReceiver, type Received } from '../support/endpoint-receiver.js';
import { freePort } from '../support/free-port.js';
import { newFolder } from '../support/run-folder.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { Client, isOfType, readNotification, topicSubscription } from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';

let source: TestDatabase;
let target: PostgresServer;
let receiver: EndpointReceiver;
let hub: Hub;

beforeAll(async () => {
  [source, target, receiver] = await Promise.all([
    cloneDatabase(),
    PostgresServer.start(
      { folder: join(newFolder('restored'), 'postgres'), sync: false, settings: { fsync: 'off' } },
      { recovered: () => {}, died: () => {}, restarted: () => {}, restartFailed: () => {} },
    ),
    EndpointReceiver.start(),
  ]);
});
afterAll(async () => {
  await hub?.stop();
  await Promise.all([target?.stop(), source?.drop(), receiver?.close()]);
});

/** Runs statements on a database and gives the rows of the last. */
async function ask(url: string, ...statements: string[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    let rows: Record<string, unknown>[] = [];
    for (const statement of statements) rows = (await client.query<Record<string, unknown>>(statement)).rows;
    return rows;
  } finally {
    await client.end();
  }
}

const eventsAt = (path: string) =>
  receiver.received
    .filter((request: Received) => request.path === path && isOfType('event-notification')(request))
    .flatMap((request) => readNotification(request.json).events.map(({ number }) => Number(number)));

test('a copy on another cluster, whose transaction ids are lower, goes on: owed events leave, numbers continue, nothing new is skipped', async () => {
  const settings = { port: await freePort(), dataDir: newFolder('data'), env: { DELIVERY_BACKOFF_MILLISECONDS: '100' } };
  hub = await startHub({ ...settings, database: source });
  const client = new Client(hub);
  // The log of the old cluster lies far above anything that the new one will write.
  await ask(source.url, 'DO $$ BEGIN FOR i IN 1..5000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$');
  const { id } = await client.create(topicSubscription({ endpoint: receiver.url('/hook') }));
  const { id: behind } = await client.create(topicSubscription({ endpoint: receiver.url('/behind') }));
  await Promise.all([client.untilStatus(id, 'active'), client.untilStatus(behind, 'active')]);
  await client.result(1);
  await client.result(2);
  await waitFor(() => eventsAt('/hook').length === 2 && eventsAt('/behind').length === 2, { what: 'two events at both' });
  receiver.always((request) => (request.path === '/behind' ? 503 : 200));
  await client.result(3);
  await waitFor(() => eventsAt('/hook').length === 3, { what: 'the third event where it is taken' });
  // What is sent is acknowledged in the table within some milliseconds; the copy below is to hold it.
  const acknowledged = `SELECT acknowledged::integer FROM subscription_cursor WHERE subscription_id = '${id}'`;
  await waitFor(async () => (await ask(source.url, acknowledged))[0]!['acknowledged'] === 3, { what: 'the acknowledgement' });

  await ask(target.url('postgres'), 'CREATE DATABASE restored');
  const restored = target.url('restored');
  await migrate(restored);
  await copyDatabase(source.url, restored);
  // What happens after the copy is lost with the old cluster; its numbers are given out anew.
  await client.result('9999');
  await hub.kill();
  const [before] = await ask(restored, 'SELECT epoch, (SELECT max(xid)::text FROM resource_version) AS highest FROM log_epoch');
  const [now] = await ask(restored, 'SELECT pg_current_xact_id()::text AS xid');
  expect(Number(now!['xid'])).toBeLessThan(Number(before!['highest']));

  receiver.received.length = 0;
  receiver.always(200);
  hub = await startHub({ ...settings, database: { url: restored, name: 'restored', drop: () => Promise.resolve() } });
  const [after] = await ask(restored, 'SELECT epoch FROM log_epoch');
  expect(after!['epoch']).toBe(Number(before!['epoch']) + 1);
  await waitFor(() => eventsAt('/behind').includes(3), { what: 'the event that was owed when the copy was made' });
  const again = new Client(hub);
  await again.result(4);
  await again.result(5);
  await waitFor(() => eventsAt('/hook').length >= 2 && eventsAt('/behind').length >= 3, { what: 'the new events at both' });
  expect(eventsAt('/hook')).toEqual([4, 5]);
  expect(eventsAt('/behind')).toEqual([3, 4, 5]);
  const events = readNotification(await again.events(id));
  expect([events.total, events.events.map(({ number }) => Number(number))]).toEqual(['5', [1, 2, 3, 4, 5]]);
  // Subscriptions and topics that are written now take effect, too: they pass through the same log.
  const { id: young } = await again.create(topicSubscription({ endpoint: receiver.url('/young') }));
  await again.untilStatus(young, 'active');
  await again.result(6);
  await waitFor(() => eventsAt('/young').length === 1 && eventsAt('/hook').length === 3, { what: 'the sixth result at all' });
  expect(eventsAt('/young')).toEqual([1]);
});
