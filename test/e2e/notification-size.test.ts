import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { EndpointReceiver } from '../support/endpoint-receiver.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { Client, isOfType, labResult, readNotification, topicSubscription } from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';

const BYTES = 4096;
let hub: Hub;
let endpoint: EndpointReceiver;

beforeAll(async () => {
  endpoint = await EndpointReceiver.start();
  hub = await startHub({ env: { DELIVERY_NOTIFICATION_BYTES: String(BYTES), DELIVERY_BACKOFF_MILLISECONDS: '100' } });
});
afterAll(async () => {
  await endpoint?.close();
  await hub?.stop();
});

test('what is owed goes out in notifications of bounded size, in order; an event larger than that goes alone, as it is', async () => {
  const client = new Client(hub);
  const { id } = await client.create(topicSubscription({ endpoint: endpoint.url(), maxCount: 50, content: 'full-resource' }));
  await client.untilStatus(id, 'active');
  endpoint.always(503);
  const result = (length: number) => client.create(labResult(1, { note: [{ text: 'x'.repeat(length) }] }), 'Observation');
  for (let value = 0; value < 8; value += 1) await result(700);
  await result(20_000);
  for (let value = 0; value < 8; value += 1) await result(700);
  await client.untilTotal(id, 17);
  endpoint.clear();
  endpoint.always(200);
  const events = () => endpoint.received.filter(isOfType('event-notification'));
  const numbers = (json: unknown) => readNotification(json).events.map(({ number }) => Number(number));
  await waitFor(() => events().some(({ json }) => numbers(json).includes(17)), { milliseconds: 60_000, what: 'the last event' });
  const accepted = events().filter(({ json }) => numbers(json).length > 0);
  const last = accepted.map(({ json }) => numbers(json).at(-1));
  expect([...new Set(accepted.flatMap(({ json }) => numbers(json)))]).toEqual(
    Array.from({ length: 17 }, (_, index) => index + 1),
  );
  expect(last).toEqual([...last].sort((a, b) => a! - b!));
  for (const { json, body } of accepted) {
    if (numbers(json).length > 1) expect(body.length).toBeLessThan(BYTES + 2048);
    if (numbers(json).includes(9)) expect(numbers(json)).toEqual([9]);
  }
  expect(accepted.some(({ json }) => numbers(json).length > 1)).toBe(true);
});
