import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { cloneDatabase, type TestDatabase } from '../support/clone-database.js';
import { EndpointReceiver } from '../support/endpoint-receiver.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { Client, isOfType, labResult, readNotification, topicSubscription } from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';

/** `off` and `requested`: what was owed comes first, what happened in between is no event, numbers go on. */

let database: TestDatabase;
let hub: Hub;
let client: Client;
const receivers: EndpointReceiver[] = [];
const env = { DELIVERY_BACKOFF_MILLISECONDS: '100' };

beforeAll(async () => {
  database = await cloneDatabase();
  hub = await startHub({ database, env });
  client = new Client(hub);
});
afterAll(async () => {
  await Promise.all(receivers.map((receiver) => receiver.close()));
  await hub?.stop();
  await database?.drop();
});

async function receiver(): Promise<EndpointReceiver> {
  const started = await EndpointReceiver.start();
  receivers.push(started);
  return started;
}

const events = isOfType('event-notification');
const handshake = isOfType('handshake');

/** What was told, in order: the number of each event and what it is about. */
const told = (endpoint: EndpointReceiver) =>
  endpoint.received
    .filter(events)
    .flatMap(({ json }) =>
      readNotification(json).events.map(({ number, focus }) => [Number(number), focus!.replace(/^.*\//, '')] as const),
    );
const numbersOf = (endpoint: EndpointReceiver) => told(endpoint).map(([number]) => number);

async function activeSubscription(endpoint: EndpointReceiver, options: Parameters<typeof topicSubscription>[0] = {}) {
  const { id } = await client.create(topicSubscription({ endpoint: endpoint.url(), ...options }));
  return client.untilStatus(id, 'active');
}
const write = async (subscription: { id: string }, change: object) => {
  const { status, body } = await client.send('PUT', `Subscription/${subscription.id}`, { ...subscription, ...change });
  expect(status).toBe(200);
  return body;
};

test('what was owed before the pause is sent first after it, what happened during it is no event, and numbers go on', async () => {
  const endpoint = await receiver();
  const subscription = await activeSubscription(endpoint, { maxCount: 2 });
  endpoint.always(503);
  const before = [await client.result(1), await client.result(2), await client.result(3)];
  await client.untilTotal(subscription.id, 3);
  await write(subscription, { status: 'off' });
  await client.result(4);
  await client.result(5);
  await write(subscription, { status: 'requested' });
  // Whatever was under way when it was paused is past when the greeting comes.
  endpoint.clear();
  await endpoint.waitFor(handshake);
  endpoint.always(200).clear();
  const after = await client.result(6);
  await client.untilStatus(subscription.id, 'active');
  await waitFor(() => numbersOf(endpoint).includes(4), { what: 'the event after the pause' });
  expect(handshake(endpoint.received[0]!)).toBe(true);
  expect(told(endpoint)).toEqual([...before, after].map(({ id }, index) => [index + 1, id]));
});

test.each([
  ['accepted', 200, [1, 2]],
  ['refused', 500, [1, 1, 2]],
])('an attempt under way at the moment of the pause that is %s later', async (_what, status, expected) => {
  const endpoint = await receiver();
  const subscription = await activeSubscription(endpoint);
  endpoint.next({ kind: 'status', status, afterMilliseconds: 1000 });
  await client.result(1);
  await endpoint.waitFor(events);
  await write(subscription, { status: 'off' });
  await waitFor(() => endpoint.inFlight === 0, { what: 'the answer to it' });
  await write(subscription, { status: 'requested' });
  await client.untilStatus(subscription.id, 'active');
  await client.result(2);
  await waitFor(() => numbersOf(endpoint).includes(2), { what: 'the second event' });
  expect(numbersOf(endpoint)).toEqual(expected);
});

test('a hub killed during the pause knows afterwards what was owed before it', async () => {
  const endpoint = await receiver();
  const subscription = await activeSubscription(endpoint);
  await client.result(1);
  await endpoint.waitFor(events);
  endpoint.always(503);
  const owed = await client.result(2);
  await client.untilTotal(subscription.id, 2);
  await write(subscription, { status: 'off' });
  await hub.kill();
  hub = await startHub({ database, env });
  client = new Client(hub);
  await client.result(3);
  await write(subscription, { status: 'requested' });
  await endpoint.waitForCount(2, handshake);
  endpoint.always(200).clear();
  await client.untilStatus(subscription.id, 'active');
  const after = await client.result(4);
  await waitFor(() => numbersOf(endpoint).includes(3), { what: 'the event after the pause' });
  expect(new Map(told(endpoint)).get(2)).toBe(owed.id);
  expect(new Map(told(endpoint)).get(3)).toBe(after.id);
});

test('with another endpoint and other filters after the pause: the new endpoint is greeted and gets what was owed under the old ones', async () => {
  const [first, second] = [await receiver(), await receiver()];
  const subscription = await activeSubscription(first);
  first.always(503);
  const owed = await client.result(1);
  await client.untilTotal(subscription.id, 1);
  await write(subscription, { status: 'off' });
  const { _criteria } = topicSubscription({ filters: ['Observation?status=amended'] });
  const channel = { ...subscription.channel, endpoint: second.url() };
  await write(subscription, { status: 'requested', channel, _criteria });
  await client.untilStatus(subscription.id, 'active');
  await client.result(2);
  const amended = await client.create(labResult(3, { status: 'amended' }), 'Observation');
  await waitFor(() => numbersOf(second).includes(2), { what: 'the event of the new filters' });
  expect(handshake(second.received[0]!)).toBe(true);
  expect(told(second)).toEqual([
    [1, owed.id],
    [2, amended.id],
  ]);
});

test('paused again and again while others of its filter are served without pause, it hears of all that is its own and nothing else', async () => {
  const [endpoint, other] = [await receiver(), await receiver()];
  const subscription = await activeSubscription(endpoint, { maxCount: 5 });
  await activeSubscription(other, { maxCount: 50 });
  // Always something under way, so that turns end at every moment.
  endpoint.always({ kind: 'status', status: 200, afterMilliseconds: 3 });
  const own: string[] = [];
  const none: string[] = [];
  for (let round = 0; round < 12; round += 1) {
    own.push(...(await results(3)));
    await write(subscription, { status: 'off' });
    none.push(...(await results(3)));
    await write(subscription, { status: 'requested' });
    own.push(...(await results(2)));
    // A transaction: paused and something happens, at one blow.
    const id = `at-once-${round}`;
    await atOnce(subscription, id);
    none.push(id);
    await write(subscription, { status: 'requested' });
  }
  const last = await client.result(99);
  own.push(last.id);
  await waitFor(() => told(endpoint).some(([, id]) => id === last.id), { what: 'the last event' });
  const first = new Map<number, string>();
  for (const [number, id] of told(endpoint)) if (!first.has(number)) first.set(number, id);
  expect([...first.keys()]).toEqual(Array.from({ length: first.size }, (_, index) => index + 1));
  expect([...first.values()].filter((id) => none.includes(id))).toEqual([]);
  expect([...first.values()]).toEqual(own);

  async function results(count: number): Promise<string[]> {
    const ids: string[] = [];
    for (let value = 0; value < count; value += 1) ids.push((await client.result(value)).id);
    return ids;
  }
  async function atOnce(paused: { id: string }, id: string): Promise<void> {
    const put = (path: string, resource: object) => ({ resource, request: { method: 'PUT', url: path } });
    const { status } = await client.send('POST', '', {
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [
        put(`Subscription/${paused.id}`, { ...paused, status: 'off' }),
        put(`Observation/${id}`, JSON.parse(labResult(1, { id }))),
      ],
    });
    expect(status).toBe(200);
  }
});
