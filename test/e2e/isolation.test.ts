import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { EndpointReceiver } from '../support/endpoint-receiver.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { Client, isOfType, readNotification, topicSubscription } from '../support/subscriber.js';

/** Endpoints that hang, more of them than there are places for attempts. */

const PLACES = 4;
let hub: Hub;
let client: Client;
const receivers: EndpointReceiver[] = [];

beforeAll(async () => {
  hub = await startHub({
    env: { DELIVERY_ATTEMPTS_IN_ALL: String(PLACES), SHUTDOWN_GRACE_SECONDS: '1', DELIVERY_BACKOFF_MILLISECONDS: '100' },
  });
  client = new Client(hub);
});
afterAll(async () => {
  await Promise.all(receivers.map((receiver) => receiver.close()));
  await hub?.stop();
});

async function subscribed(timeout?: number): Promise<EndpointReceiver> {
  const endpoint = await EndpointReceiver.start();
  receivers.push(endpoint);
  const { id } = await client.create(topicSubscription({ endpoint: endpoint.url(), timeout }));
  await client.untilStatus(id, 'active');
  return endpoint;
}

const events = isOfType('event-notification');
const numbers = (endpoint: EndpointReceiver) =>
  endpoint.received.filter(events).flatMap(({ json }) => readNotification(json).events.map(({ number }) => Number(number)));

test('with more endpoints hanging than there are places, one that answers gets all of its events while they hang', async () => {
  const hanging = await Promise.all(Array.from({ length: PLACES + 3 }, () => subscribed(25)));
  const healthy = await subscribed();
  for (const endpoint of hanging) endpoint.always({ kind: 'stall' });
  await client.result(0);
  await Promise.any(hanging.map((endpoint) => endpoint.waitFor(events)));
  for (let value = 1; value <= 4; value += 1) await client.result(value);
  await healthy.waitForCount(5, events);
  expect(numbers(healthy)).toEqual([1, 2, 3, 4, 5]);
  // None of those that hang has come to a second attempt yet: nobody waited for them to end.
  for (const endpoint of hanging) expect(numbers(endpoint).length).toBeLessThanOrEqual(1);
});

test('a new subscription is greeted, and one that was silent is served, while they still hang', async () => {
  const fresh = await subscribed();
  await client.result(9);
  await fresh.waitFor(events);
  expect(numbers(fresh)).toEqual([1]);
});
