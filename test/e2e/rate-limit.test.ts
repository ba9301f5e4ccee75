import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { EndpointReceiver, type Received } from '../support/endpoint-receiver.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { Client, isOfType, labResult, readNotification, topicSubscription } from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';

const RATE_LIMIT = 'https://carillon.example/fhir/StructureDefinition/subscription-rate-limit';
/** Where nobody names a limit. */
const USUAL = 20;

let hub: Hub;
let client: Client;
const receivers: EndpointReceiver[] = [];

beforeAll(async () => {
  hub = await startHub({ env: { DELIVERY_RATE_PER_ENDPOINT: String(USUAL) } });
  client = new Client(hub);
});
afterAll(async () => {
  await Promise.all(receivers.map((receiver) => receiver.close()));
  await hub?.stop();
});

async function receiver(): Promise<EndpointReceiver> {
  const started = await EndpointReceiver.start();
  receivers.push(started);
  return started;
}

const limited = (endpoint: string, limit: unknown, options: Parameters<typeof topicSubscription>[0] = {}) => {
  const subscription = topicSubscription({ endpoint, ...options });
  const extension = [...(subscription.channel.extension ?? []), { url: RATE_LIMIT, valueDecimal: limit }];
  return { ...subscription, channel: { ...subscription.channel, extension } };
};
const active = async (subscription: object): Promise<string> => {
  const { id } = await client.create(subscription);
  await client.untilStatus(id, 'active');
  return id;
};
const events = isOfType('event-notification');
const numbers = ({ json }: Received) => readNotification(json).events.map(({ number }) => Number(number));

/** Not quicker than the limit says, but for the time by which the first may have been noticed late here, on a busy machine. */
function expectSpaced(requests: readonly Received[], rate: number): void {
  const seconds = (requests.at(-1)!.at - requests[0]!.at) / 1000;
  const burst = Math.max(1, rate / 10);
  expect(requests.length).toBeLessThanOrEqual((seconds + 0.75) * rate + burst);
}

test('what comes faster than the limit waits its turn, in order and without a failed attempt; others are not held up', async () => {
  const [slow, free] = [await receiver(), await receiver()];
  const id = await active(limited(slow.url(), 4));
  await active(topicSubscription({ endpoint: free.url(), maxCount: 10 }));
  // In one transaction, so that all of it is owed to both at one moment.
  const entry = Array.from({ length: 8 }, (_, value) => ({
    resource: JSON.parse(labResult(value)),
    request: { method: 'POST', url: 'Observation' },
  }));
  expect((await client.send('POST', '', { resourceType: 'Bundle', type: 'transaction', entry })).status).toBe(200);
  const last = await free.waitFor((request) => events(request) && numbers(request).includes(8));
  const sent = await slow.waitForCount(8, events);
  expect(last.at).toBeLessThan(sent.at(-1)!.at);
  expect(sent.flatMap(numbers)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expectSpaced(slow.received, 4);
  expect((await client.read(id)).status).toBe('active');
  const { body } = await client.send('GET', `Subscription/${id}/$attempts`);
  expect(JSON.stringify(body)).not.toContain('"retry"');
});

test('several events that wait go out together, as far as was asked for', async () => {
  const endpoint = await receiver();
  await active(limited(endpoint.url(), 2, { maxCount: 100 }));
  for (let value = 1; value <= 12; value += 1) await client.result(value);
  await waitFor(() => endpoint.received.filter(events).flatMap(numbers).includes(12), { what: 'the last event' });
  expect(endpoint.received.filter(events).flatMap(numbers)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  expect(endpoint.received.filter(events).length).toBeLessThan(12);
  expectSpaced(endpoint.received, 2);
});

test('the subscriptions of one endpoint share the lowest limit that one of them names, and take turns', async () => {
  const endpoint = await receiver();
  await active(limited(endpoint.url('/hook?of=a'), 100));
  await active(limited(endpoint.url('/hook?of=b'), 5));
  for (let value = 1; value <= 5; value += 1) await client.result(value);
  const sent = await endpoint.waitForCount(10, events);
  expectSpaced(sent, 5);
  for (const path of ['/hook?of=a', '/hook?of=b'])
    expect(endpoint.to(path).filter(events).flatMap(numbers)).toEqual([1, 2, 3, 4, 5]);
  const order = sent.map(({ path }) => path.at(-1)!).join('');
  expect(order).not.toMatch(/aaa|bbb/);
});

test('a limit goes with the subscription that named it', async () => {
  const endpoint = await receiver();
  await active(limited(endpoint.url('/hook?of=a'), 100));
  // Its handshake takes what the endpoint may have for the next minute and a half.
  const careful = await active(limited(endpoint.url('/hook?of=b'), 0.01));
  for (let value = 1; value <= 3; value += 1) await client.result(value);
  await client.send('DELETE', `Subscription/${careful}`);
  const sent = await endpoint.waitForCount(3, (request) => events(request) && request.path.endsWith('a'));
  expect(sent.flatMap(numbers)).toEqual([1, 2, 3]);
});

test('without a limit of its own an endpoint has the usual one', async () => {
  const endpoint = await receiver();
  await active(topicSubscription({ endpoint: endpoint.url() }));
  await Promise.all(Array.from({ length: 30 }, (_, value) => client.result(value)));
  expectSpaced(await endpoint.waitForCount(30, events), USUAL);
});

test.each([0, 0.001, 10_001, -5, 'many'])('a limit of %j is refused, and the element is named', async (limit) => {
  const { status, body } = await client.send('POST', 'Subscription', limited('http://127.0.0.1:9/', limit));
  expect(status).toBeGreaterThanOrEqual(400);
  expect(status).toBeLessThan(500);
  expect(body.issue[0].expression[0]).toContain('Subscription.channel.extension[0]');
});
