import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { join } from 'node:path';
import pg from 'pg';
import { socketUrl } from '../../src/storage/postgres/socket-folder.js';
import { EndpointReceiver } from '../support/endpoint-receiver.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { Client, isOfType, readNotification, topicSubscription } from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';
import { WebsocketListener } from '../support/websocket-listener.js';

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

/** While somebody writes, nothing is matched: all that happens meanwhile then comes in one batch. */
async function inOneBatch(changes: () => Promise<void>): Promise<void> {
  const holder = new pg.Client({ connectionString: socketUrl(join(hub.dataDir, 'postgres'), 'carillon') });
  await holder.connect();
  await holder.query('BEGIN');
  await holder.query('SELECT pg_current_xact_id()');
  await changes();
  await holder.query('ROLLBACK');
  await holder.end();
}

test('a Subscription that is deleted and made again in one go begins at 1, and nothing of it is lost when the hub starts anew', async () => {
  await client.send('PUT', 'Subscription/again', subscription('/first'));
  await client.untilStatus('again', 'active');
  for (let value = 1; value <= 3; value += 1) await client.result(value);
  expect(await numbers('/first', 3)).toEqual(['1', '2', '3']);

  await inOneBatch(async () => {
    await client.send('DELETE', 'Subscription/again');
    await client.send('PUT', 'Subscription/again', subscription('/second'));
  });
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

/** A socket bound to the Subscription, and the numbers of the events that it is given. */
async function bound(): Promise<{ listener: WebsocketListener; numbers: () => string[] }> {
  const { body } = await client.send('GET', 'Subscription/screen/$get-ws-binding-token');
  const { valueString: token } = body.parameter.find(({ name }: { name: string }) => name === 'token');
  const listener = await WebsocketListener.open(`${hub.url.replace('http', 'ws')}/ws`);
  listener.say(`bind-with-token ${token}`);
  const notifications = () => listener.bundles.filter(({ resourceType }) => resourceType === 'Bundle').map(readNotification);
  const numbers = () => notifications().flatMap(({ events }) => events.map(({ number }) => number));
  return { listener, numbers };
}

test('so it is over a websocket: the socket of the first one is closed, a new one gets the events of the second from 1', async () => {
  const screen = { ...topicSubscription({ type: 'websocket' }), id: 'screen' };
  await client.send('PUT', 'Subscription/screen', screen);
  const first = await bound();
  for (let value = 1; value <= 3; value += 1) await client.result(value);
  await waitFor(() => first.numbers().length === 3, { what: 'three events at the first socket' });

  await inOneBatch(async () => {
    await client.send('DELETE', 'Subscription/screen');
    await client.send('PUT', 'Subscription/screen', screen);
  });
  await waitFor(() => first.listener.closed?.code === 1000, { what: 'the first socket to be closed' });
  for (let value = 4; value <= 5; value += 1) await client.result(value);
  const second = await bound();
  await waitFor(() => second.numbers().length === 2, { what: 'two events at the second socket' });
  expect(second.numbers()).toEqual(['1', '2']);
  expect(first.numbers()).toEqual(['1', '2', '3']);
  await second.listener.close();
});
