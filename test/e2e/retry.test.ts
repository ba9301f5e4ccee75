import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { EndpointReceiver } from '../support/endpoint-receiver.js';
import { partsOf } from '../support/parameters.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { Client, isOfType, readNotification, topicSubscription } from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';

let hub: Hub;
let client: Client;
const receivers: EndpointReceiver[] = [];

async function receiver(): Promise<EndpointReceiver> {
  const started = await EndpointReceiver.start();
  receivers.push(started);
  return started;
}

async function activeSubscription(
  endpoint: EndpointReceiver,
  options: Parameters<typeof topicSubscription>[0] = {},
): Promise<string> {
  const { id } = await client.create(topicSubscription({ endpoint: endpoint.url(), ...options }));
  await client.untilStatus(id, 'active');
  return id;
}

const events = isOfType('event-notification');
const numbersOf = (endpoint: EndpointReceiver) =>
  endpoint.received.filter(events).map(({ json }) => readNotification(json).events.map(({ number }) => Number(number)));

beforeAll(async () => {
  hub = await startHub({ env: { DELIVERY_BACKOFF_MILLISECONDS: '150' } });
  client = new Client(hub);
});
afterAll(async () => {
  // An endpoint that still hangs would hold up the stop for the whole grace.
  await Promise.all(receivers.map((endpoint) => endpoint.close()));
  await hub?.stop();
});

test('a failure is tried again under the same id, and what came meanwhile follows in order', async () => {
  const endpoint = await receiver();
  const id = await activeSubscription(endpoint);
  endpoint.next(503, 500);
  for (let value = 1; value <= 3; value += 1) await client.result(value);
  await endpoint.waitForCount(5, events);
  expect(numbersOf(endpoint)).toEqual([[1], [1], [1], [2], [3]]);
  const ids = endpoint.received.filter(events).map(({ headers }) => headers['webhook-id']);
  expect(ids).toEqual(['1-1', '1-1', '1-1', '2-2', '3-3'].map((numbers) => expect.stringContaining(`${id}.${numbers}.`)));
  expect(new Set(ids).size).toBe(3);
  expect((await client.read(id)).status).toBe('active');
});

test('Retry-After is honoured', async () => {
  const endpoint = await receiver();
  await activeSubscription(endpoint);
  endpoint.next({ kind: 'status', status: 429, headers: { 'retry-after': '3' } });
  await client.result();
  const [first, second] = await endpoint.waitForCount(2, events);
  expect(second!.at - first!.at).toBeGreaterThanOrEqual(2900);
});

test.each([302, 401])(
  'an endpoint that answers %i four times shows error with the reason, and a later success leads back',
  async (status) => {
    const endpoint = await receiver();
    const id = await activeSubscription(endpoint);
    endpoint.always({ kind: 'status', status, headers: { location: endpoint.url('/elsewhere') } });
    await client.result();
    const failed = await client.untilStatus(id, 'error');
    expect(failed.error).toContain(`HTTP ${status}`);
    expect(endpoint.received.filter(events).length).toBeGreaterThanOrEqual(4);
    const failures = await waitFor(
      async () => {
        const { body } = await client.send('GET', `Subscription/${id}/$attempts?outcome=retry`);
        const found = partsOf(body, 'attempt').reverse();
        return found.length >= 4 && found;
      },
      { what: 'four failures to be written down' },
    );
    // As they were planned: a busy machine may be late.
    const pauses = failures.map(({ at, milliseconds, nextAttempt }) => {
      return Date.parse(String(nextAttempt)) - Date.parse(String(at)) - Number(milliseconds);
    });
    expect([...pauses].sort((a, b) => a - b)).toEqual(pauses);
    expect(pauses[3]).toBeGreaterThan(pauses[0]!);
    expect(endpoint.to('/elsewhere')).toEqual([]);

    await client.result();
    const asked = await waitFor(async () => {
      const { body } = await client.send('GET', `Subscription/${id}/$status`);
      return readNotification(body).total === '2' && body;
    });
    expect(readNotification(asked)).toMatchObject({ type: 'query-status', status: 'error' });
    expect(readNotification(asked).errors[0].coding[0].code).toBe('error-response');

    endpoint.always(200);
    await client.send('PUT', `Subscription/${id}`, { ...failed, status: 'requested' });
    expect((await client.untilStatus(id, 'active')).error).toBeUndefined();
    await waitFor(() => numbersOf(endpoint).flat().includes(2), { what: 'the second event' });
    expect(numbersOf(endpoint).slice(-2)).toEqual([[1], [2]]);
  },
);

test('an endpoint in error that comes back is found by a probe and gets what it missed, in order', async () => {
  const endpoint = await receiver();
  const id = await activeSubscription(endpoint);
  await endpoint.refuse();
  await client.result();
  expect((await client.untilStatus(id, 'error')).error).toContain('no-response');
  await client.result();
  await endpoint.accept();
  await client.untilStatus(id, 'active');
  await endpoint.waitForCount(2, events);
  expect(numbersOf(endpoint)).toEqual([[1], [2]]);
});

test('410 ends the subscription', async () => {
  const endpoint = await receiver();
  const id = await activeSubscription(endpoint);
  endpoint.always(410);
  await client.result();
  await client.untilStatus(id, 'off');
  expect(endpoint.received.filter(events)).toHaveLength(1);
});

test('an event that is refused for good is isolated, set aside and stepped over; the gap shows in the numbers', async () => {
  const endpoint = await receiver();
  await activeSubscription(endpoint, { maxCount: 8, content: 'full-resource' });
  endpoint.always((request) => (request.text.includes('"value":666') ? 422 : 200));
  for (const value of [1, 666, 3, 4]) await client.result(value);
  await waitFor(() => accepted(endpoint).includes(4), { milliseconds: 60_000, what: 'the events behind the poisoned one' });
  expect(accepted(endpoint)).toEqual([1, 3, 4]);

  function accepted(from: EndpointReceiver): number[] {
    return from.received
      .filter((request) => events(request) && !request.text.includes('"value":666'))
      .flatMap(({ json }) => readNotification(json).events.map(({ number }) => Number(number)));
  }
});

test('an endpoint that refuses everything with 422 loses nothing: it shows error and gets all of it later', async () => {
  const endpoint = await receiver();
  const id = await activeSubscription(endpoint);
  endpoint.always(422);
  for (let value = 1; value <= 3; value += 1) await client.result(value);
  await client.untilStatus(id, 'error');
  endpoint.clear();
  endpoint.always(200);
  await client.send('PUT', `Subscription/${id}`, { ...(await client.read(id)), status: 'requested' });
  await endpoint.waitForCount(3, events);
  expect(numbersOf(endpoint)).toEqual([[1], [2], [3]]);
});

test('a handshake that is refused is tried again; one that is refused for long shows error', async () => {
  const endpoint = await receiver();
  endpoint.next(500);
  await activeSubscription(endpoint);

  const deaf = await receiver();
  deaf.always(500);
  const { id } = await client.create(topicSubscription({ endpoint: deaf.url() }));
  await client.result();
  expect((await client.untilStatus(id, 'error')).error).toContain('HTTP 500');
  expect(deaf.received.every(isOfType('handshake'))).toBe(true);
  expect(deaf.received.length).toBeGreaterThanOrEqual(4);
  deaf.always(200);
  await client.untilStatus(id, 'active');
  await deaf.waitFor(events);
  expect(numbersOf(deaf)).toEqual([[1]]);
});

test('an endpoint that hangs delays nobody else', async () => {
  const hanging = await receiver();
  const healthy = await receiver();
  await activeSubscription(hanging, { timeout: 25 });
  await activeSubscription(healthy);
  hanging.always({ kind: 'stall' });
  for (let value = 1; value <= 5; value += 1) await client.result(value);
  await healthy.waitForCount(5, events);
  expect(numbersOf(healthy)).toEqual([[1], [2], [3], [4], [5]]);
  expect(numbersOf(hanging)).toEqual([[1]]);
});

test('the time-out a Subscription asks for ends an attempt that gets no answer', async () => {
  const endpoint = await receiver();
  await activeSubscription(endpoint, { timeout: 1 });
  endpoint.next({ kind: 'stall' });
  await client.result();
  await endpoint.waitForCount(2, events);
  expect(numbersOf(endpoint)).toEqual([[1], [1]]);
});

test('what its owner switches off while an attempt is under way stays off, whatever comes of the attempt', async () => {
  const endpoint = await receiver();
  const id = await activeSubscription(endpoint);
  endpoint.always({ kind: 'status', status: 200, afterMilliseconds: 1000 });
  await client.result();
  await waitFor(() => endpoint.inFlight === 1, { what: 'the attempt' });
  const off = { ...(await client.read(id)), status: 'off' };
  expect((await client.send('PUT', `Subscription/${id}`, off)).body.status).toBe('off');
  await waitFor(() => endpoint.inFlight === 0, { what: 'its answer' });
  endpoint.always(200);
  // Written after the answer came: so whatever the hub wrote upon it is there, too.
  for (let value = 1; value <= 3; value += 1) await client.result(value);
  await client.send('PUT', `Subscription/${id}`, { ...off, status: 'requested' });
  await client.untilStatus(id, 'active');
  const history = (await client.send('GET', `Subscription/${id}/_history`)).body;
  const statuses = (history.entry as { resource: { status: string } }[]).map(({ resource }) => resource.status);
  expect(statuses).toEqual(['active', 'requested', 'off', 'active', 'requested']);
});
