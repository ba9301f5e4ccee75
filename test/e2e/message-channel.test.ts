import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { validateResource } from '../../src/fhir/validate-resource.js';
import { EndpointReceiver, type Received } from '../support/endpoint-receiver.js';
import { type Hub, startHub } from '../support/start-hub.js';
import {
  classicSubscription,
  Client,
  type FaceName,
  labResult,
  readNotification,
  topicSubscription,
} from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';

let hub: Hub;
let receiver: EndpointReceiver;

beforeAll(async () => {
  [hub, receiver] = await Promise.all([
    startHub({ env: { DELIVERY_FAILURES_UNTIL_ERROR: '2', DELIVERY_BACKOFF_MILLISECONDS: '100' } }),
    EndpointReceiver.start(),
  ]);
  receiver.always(({ path }) => (codes.has(path) ? answer(codes.get(path)!.shift() ?? 'ok') : 200));
});
afterAll(async () => {
  await Promise.all([hub?.stop(), receiver?.close()]);
});

const at = (base: string) => (request: Received) => request.path === `${base}/$process-message`;
const headerOf = ({ json }: Received) => json.entry[0].resource;
const notificationOf = ({ json }: Received) => readNotification(json.entry[1].resource);
const answer = (code: string) => ({
  kind: 'status' as const,
  status: 200,
  body: JSON.stringify({
    resourceType: 'Bundle',
    type: 'message',
    entry: [{ resource: { resourceType: 'MessageHeader', response: { identifier: 'x', code } } }],
  }),
});
/** What is answered next at a path; then ok. */
const codes = new Map<string, string[]>();
const byMessage = (base: string, options: Parameters<typeof topicSubscription>[0] = {}) =>
  topicSubscription({ type: 'message', endpoint: receiver.url(base), ...options });

describe.each<FaceName>(['r4b', 'r4'])('messages in the face %s', (face) => {
  const client = () => new Client(hub, face);

  test('a notification travels as the content of a message to the base; the handshake leads to active', async () => {
    const base = `/${face}/base`;
    const created = await client().create(byMessage(`${base}/`, { headers: ['X-Key: 1'], content: 'full-resource' }));
    expect(created.status).toBe('requested');
    await client().untilStatus(created.id, 'active');
    const { id } = await client().result('1.00');
    const [handshake, event] = (await receiver.waitForCount(2, at(base))) as [Received, Received];
    for (const request of [handshake, event]) {
      expect(request).toMatchObject({ method: 'POST', json: { resourceType: 'Bundle', type: 'message' } });
      expect(request.headers).toMatchObject({ 'content-type': 'application/fhir+json', 'x-key': '1' });
      expect(validateResource(request.json)).toEqual([]);
      expect(headerOf(request)).toMatchObject({
        resourceType: 'MessageHeader',
        eventCoding: { system: 'https://carillon.example/fhir/CodeSystem/message-event', code: 'subscription-notification' },
        source: { endpoint: client().base },
        destination: [{ endpoint: receiver.url(`${base}/$process-message`) }],
        focus: [{ reference: request.json.entry[1].fullUrl }],
      });
      expect(request.json.entry[1].fullUrl).toMatch(/^urn:uuid:/);
      expect(request.json.entry[1].resource.type).toBe('history');
    }
    expect(notificationOf(handshake)).toMatchObject({ type: 'handshake', total: '0' });
    expect(notificationOf(event)).toMatchObject({ events: [{ number: '1', focus: `${client().base}/Observation/${id}` }] });
    expect(event.text).toContain('"value":1.00');
  });

  test('the response code decides: transient-error is tried again as the same message, fatal-error shows as error', async () => {
    const base = `/${face}/codes/$process-message`;
    const path = (request: Received) => request.path === base;
    const { id } = await client().create(byMessage(base));
    await client().untilStatus(id, 'active');
    codes.set(base, ['transient-error']);
    await client().result();
    const [, first, second] = (await receiver.waitForCount(3, path)) as [Received, Received, Received];
    expect(headerOf(second).id).toBe(headerOf(first).id);
    expect(second.json.identifier).toEqual(first.json.identifier);
    expect(notificationOf(second).events).toEqual(notificationOf(first).events);

    codes.set(base, Array<string>(1000).fill('fatal-error'));
    await client().result();
    expect((await client().untilStatus(id, 'error')).error).toContain('fatal-error');
    codes.set(base, []);
    await client().untilStatus(id, 'active');
    const last = (await receiver.waitForCount(6, path)).at(-1)!;
    expect(notificationOf(last)).toMatchObject({ events: [{ number: '2' }] });
  });

  test.each([
    ['endpoint', { endpoint: 'mllp://127.0.0.1:9' }],
    ['endpoint', { endpoint: undefined }],
    ['endpoint', { endpoint: 'http://169.254.169.254/fhir' }],
    ['payload', { payload: 'application/fhir+xml' }],
    ['payload', { payload: 'text/plain' }],
    ['header[0]', { headers: ['Host: x'] }],
  ])('refuses what it cannot honour: %s of %j', async (element, options) => {
    const { status, body } = await client().send('POST', 'Subscription', byMessage('/never', options));
    expect({ status, expression: body.issue[0].expression }).toEqual({
      status: 422,
      expression: [`Subscription.channel.${element}`],
    });
  });
});

test('a classic Subscription gets a message for each match: the resource with a payload, the header alone without', async () => {
  const client = new Client(hub);
  const { status } = await client.create(classicSubscription(receiver.url('/plain'), { type: 'message' }));
  expect(status).toBe('active');
  await client.create(classicSubscription(receiver.url('/whole'), { type: 'message', payload: 'application/fhir+json' }));
  const { id } = await client.result('2.00');
  const plain = await receiver.waitFor(at('/plain'));
  expect(plain.json.entry).toHaveLength(1);
  expect(plain.text).not.toContain(id);
  const whole = await receiver.waitFor(at('/whole'));
  expect(headerOf(whole).focus).toEqual([{ reference: `${client.base}/Observation/${id}` }]);
  expect(whole.text).toContain(`"resource":${(await client.send('GET', `Observation/${id}`)).text}`);
});

test('a hub takes the messages of a hub', async () => {
  const other = await startHub();
  try {
    const [source, destination] = [new Client(hub), new Client(other)];
    const topical = await source.create(topicSubscription({ type: 'message', endpoint: other.fhir, content: 'full-resource' }));
    await source.untilStatus(topical.id, 'active');
    await source.create(classicSubscription(other.fhir, { type: 'message', payload: 'application/fhir+json' }));
    const { id } = await source.result('4.00');
    await source.send('PUT', `Observation/${id}`, labResult('4.50', { id }));
    const copy = await waitFor(
      async () => {
        const { status, text } = await destination.send('GET', `Observation/${id}`);
        return status === 200 && text.includes('4.50') && text;
      },
      { what: 'the copy at the other hub' },
    );
    expect(copy).toContain('"value":4.50');
    const kept = await waitFor(
      async () => {
        const { body } = await destination.send('GET', 'MessageHeader?event=subscription-notification');
        return body.total >= 5 && body;
      },
      { what: 'the headers of a handshake and of two events by both ways' },
    );
    expect(kept.total).toBe(5);
    expect((await destination.send('GET', 'Bundle?type=history')).body.total).toBe(3);
  } finally {
    await other.stop();
  }
});
