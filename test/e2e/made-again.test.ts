import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { join } from 'node:path';
import pg from 'pg';
import { socketUrl } from '../../src/storage/postgres/socket-folder.js';
import { EndpointReceiver } from '../support/endpoint-receiver.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { Client, isOfType, readNotification, topicSubscription } from '../support/subscriber.js';

let hub: Hub;
let client: Client;
let receiver: EndpointReceiver;

beforeAll(async () => {
  // A server of its own: a transaction held open would hold up every hub on a shared one.
  [hub, receiver] = await Promise.all([startHub({ database: 'own' }), EndpointReceiver.start()]);
  client = new Client(hub);
});
afterAll(async () => {
  await Promise.all([hub?.stop(), receiver?.close()]);
});

/** Numbers of the events that came to a path, in the order in which they came. */
async function numbers(path: string, count: number): Promise<string[]> {
  const sent = await receiver.waitForCount(count, (request) => request.path === path && isOfType('event-notification')(request));
  return sent.flatMap(({ json }) => readNotification(json).events.map(({ number }) => number));
}

const subscription = (path: string) => ({ ...topicSubscription({ endpoint: receiver.url(path) }), id: 'again' });

test('a Subscription that is deleted and made again in one go begins at 1, and nothing of it is lost when the hub starts anew', async () => {
  await client.send('PUT', 'Subscription/again', subscription('/first'));
  await client.untilStatus('again', 'active');
  for (let value = 1; value <= 3; value += 1) await client.result(value);
  expect(await numbers('/first', 3)).toEqual(['1', '2', '3']);

  // While somebody writes, nothing is matched: both changes then come in one batch.
  const holder = new pg.Client({ connectionString: socketUrl(join(hub.dataDir, 'postgres'), 'carillon') });
  await holder.connect();
  await holder.query('BEGIN');
  await holder.query('SELECT pg_current_xact_id()');
  await client.send('DELETE', 'Subscription/again');
  await client.send('PUT', 'Subscription/again', subscription('/second'));
  await holder.query('ROLLBACK');
  await holder.end();
  await client.untilStatus('again', 'active');
  for (let value = 4; value <= 5; value += 1) await client.result(value);
  expect(await numbers('/second', 2)).toEqual(['1', '2']);

  const { dataDir } = hub;
  await hub.stop();
  hub = await startHub({ database: 'own', dataDir });
  client = new Client(hub);
  await client.result(6);
  expect(await numbers('/second', 3)).toEqual(['1', '2', '3']);
  expect(await numbers('/first', 3)).toEqual(['1', '2', '3']);
});
