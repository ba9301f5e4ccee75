import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { io, type Socket } from 'socket.io-client';
import { type Hub, startHub } from '../support/start-hub.js';
import { Client, LAB_TOPIC, labResult, readNotification } from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- tests look into any resource */

let hub: Hub;
let client: Client;
const sockets: Socket[] = [];

beforeAll(async () => {
  hub = await startHub();
  client = new Client(hub);
});
afterAll(async () => {
  for (const socket of sockets) socket.disconnect();
  await hub?.stop();
});

async function connect(
  options: object = {},
): Promise<{ socket: Socket; told: any[]; subscribe: (request: unknown) => Promise<any> }> {
  const socket = io(`${hub.url}/live`, { transports: ['websocket'], forceNew: true, reconnection: false, ...options });
  sockets.push(socket);
  const told: any[] = [];
  socket.on('notification', (notification) => told.push(notification));
  await waitFor(() => socket.connected, { what: 'the connection' });
  return { socket, told, subscribe: (request) => socket.timeout(60_000).emitWithAck('subscribe', request) };
}

test('a described subscription is shared: the same description leads to the same Subscription, the same numbers', async () => {
  const one = await connect();
  const two = await connect();
  const request = { topic: LAB_TOPIC, content: 'full-resource' };
  const first = await one.subscribe(request);
  const second = await two.subscribe(request);
  expect(first).toMatchObject({ status: 'active', total: 0, after: 0 });
  expect(second.subscription).toBe(first.subscription);
  const { id } = await client.result('1.50');
  for (const { told } of [one, two]) {
    await waitFor(() => told.length >= 1, { what: 'the notification' });
    expect(told[0]).toMatchObject({ subscription: first.subscription, type: 'event-notification', first: 1, last: 1, total: 1 });
    expect(readNotification(told[0].bundle).events[0]).toMatchObject({ number: '1', focus: `${client.base}/Observation/${id}` });
    expect(told[0].bundle.entry[1].resource.id).toBe(id);
  }
});

test('a client that comes back with the number of its last event gets the rest, without gap or repeat', async () => {
  const request = { topic: LAB_TOPIC, content: 'id-only', maxCount: 1 };
  const before = await connect();
  const { subscription } = await before.subscribe(request);
  await client.result();
  await waitFor(() => before.told.length >= 1);
  before.socket.disconnect();
  for (let value = 0; value < 3; value += 1) await client.result(value);
  const after = await connect();
  await after.subscribe({ subscription, after: before.told[0].last });
  await client.result();
  await waitFor(() => after.told.length >= 4, { what: 'what was missed and what came' });
  expect(after.told.map(({ last }) => last)).toEqual([2, 3, 4, 5]);
});

test('classic criteria can be followed too, over long polling as well, in the face asked for', async () => {
  const listener = await connect({ transports: ['polling'], query: { face: 'r4' } });
  const answer = await listener.subscribe({ criteria: 'Observation?code=http://loinc.org|1975-2', content: 'full-resource' });
  expect(answer.outcome).toBeUndefined();
  const { id } = await client.result();
  await waitFor(() => listener.told.length >= 1);
  expect(listener.told[0].bundle.entry[0].resource.resourceType).toBe('Parameters');
  await client.send('PUT', `Observation/${id}`, labResult(2, { id }));
  await waitFor(() => listener.told.length >= 2);
  expect(readNotification(listener.told[1].bundle).events[0]!.number).toBe('2');
});

test.each([
  [{ topic: 'https://carillon.example/topics/none' }, 'topic'],
  [{ topic: LAB_TOPIC, filters: ['Observation?colour=red'] }, 'colour'],
  [{ criteria: 'Observation?nonsense=1' }, 'nonsense'],
  [{ topic: LAB_TOPIC, criteria: 'Observation' }, 'exactly one'],
  [{ topic: LAB_TOPIC, content: 'everything' }, 'content'],
  [{ subscription: 'not-there' }, 'not-there'],
  [{ subscription: 'x', after: -1 }, 'after'],
  [{ surprise: 1 }, 'surprise'],
  ['text', 'object'],
  [null, 'object'],
])('%j is refused with an OperationOutcome', async (request, word) => {
  const { subscribe } = await connect();
  const { outcome } = await subscribe(request);
  expect(outcome.resourceType).toBe('OperationOutcome');
  expect(JSON.stringify(outcome)).toContain(word);
});

test('after unsubscribe nothing comes, and a deleted Subscription says that it ended', async () => {
  const listener = await connect();
  const { subscription } = await listener.subscribe({ topic: LAB_TOPIC, content: 'empty' });
  const other = await listener.subscribe({ topic: LAB_TOPIC, content: 'empty', maxCount: 7 });
  await listener.socket.timeout(60_000).emitWithAck('unsubscribe', { subscription });
  await client.result();
  await waitFor(() => listener.told.length >= 1);
  expect(listener.told.map((notification) => notification.subscription)).toEqual([other.subscription]);
  const ended: any[] = [];
  listener.socket.on('ended', (word) => ended.push(word));
  await client.send('DELETE', `Subscription/${other.subscription}`);
  await waitFor(() => ended.length > 0);
  expect(ended).toEqual([{ subscription: other.subscription }]);
});
