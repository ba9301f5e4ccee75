import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { EndpointReceiver } from '../support/endpoint-receiver.js';
import { type Hub, startHub } from '../support/start-hub.js';
import {
  classicSubscription,
  Client,
  type FaceName,
  isOfType,
  LAB_TOPIC,
  labResult,
  readNotification,
  topicSubscription,
} from '../support/subscriber.js';

let hub: Hub;
let receiver: EndpointReceiver;

beforeAll(async () => {
  [hub, receiver] = await Promise.all([startHub(), EndpointReceiver.start()]);
});
afterAll(async () => {
  await Promise.all([hub?.stop(), receiver?.close()]);
});

describe.each<FaceName>(['r4b', 'r4'])('rest-hook in the face %s', (face) => {
  const client = () => new Client(hub, face);
  const statusType = face === 'r4b' ? 'SubscriptionStatus' : 'Parameters';

  test('the 201 says requested; the handshake comes after it and leads to active', async () => {
    const path = `/${face}/handshake`;
    const created = await client().create(
      topicSubscription({ endpoint: receiver.url(path), headers: ['X-Key: a: b', 'X-Two: 2'] }),
    );
    const answered = performance.now();
    expect(created.status).toBe('requested');

    const handshake = await receiver.waitFor((request) => request.path === path);
    expect(handshake.at).toBeGreaterThan(answered);
    expect(handshake.method).toBe('POST');
    expect(handshake.headers).toMatchObject({ 'content-type': 'application/fhir+json', 'x-key': 'a: b', 'x-two': '2' });
    expect(handshake.json).toMatchObject({ resourceType: 'Bundle', type: 'history' });
    expect(handshake.json.entry).toHaveLength(1);
    expect(handshake.json.entry[0].resource.resourceType).toBe(statusType);
    expect(handshake.json.entry[0].request).toEqual({
      method: 'GET',
      url: `${client().base}/Subscription/${created.id}/$status`,
    });
    expect(handshake.json.entry[0].response).toEqual({ status: '200' });
    expect(readNotification(handshake.json)).toMatchObject({
      type: 'handshake',
      status: 'requested',
      total: '0',
      events: [],
      topic: LAB_TOPIC,
    });
    await client().untilStatus(created.id, 'active');
  });

  test('full-resource carries the stored text of the version, digits included', async () => {
    const path = `/${face}/full`;
    const { id } = await client().create(topicSubscription({ endpoint: receiver.url(path), content: 'full-resource' }));
    await client().untilStatus(id, 'active');
    const first = await client().result('1.00');
    const second = await client().result('12345678901234567.10');
    const [one, two] = await receiver.waitForCount(
      2,
      (request) => request.path === path && isOfType('event-notification')(request),
    );

    expect(readNotification(one!.json)).toMatchObject({
      status: 'active',
      total: '1',
      subscription: `${client().base}/Subscription/${id}`,
      events: [{ number: '1', focus: `${client().base}/Observation/${first.id}` }],
    });
    expect(readNotification(two!.json)).toMatchObject({ total: '2', events: [{ number: '2' }] });
    expect(one!.json.entry[1]).toMatchObject({
      fullUrl: `${client().base}/Observation/${first.id}`,
      request: { method: 'POST', url: 'Observation' },
      response: { status: '201' },
    });
    const stored = (await client().send('GET', `Observation/${second.id}`)).text;
    expect(two!.text).toContain(`"resource":${stored},`);
    expect(two!.text).toContain('"value":12345678901234567.10');
    expect([one, two].map((request) => request!.headers['webhook-id'])).toEqual([`${id}.1-1`, `${id}.2-2`]);
  });

  test('id-only tells the focus and no content; empty tells neither focus nor topic', async () => {
    const paths = { 'id-only': `/${face}/id-only`, empty: `/${face}/empty` };
    for (const content of ['id-only', 'empty'] as const) {
      const { id } = await client().create(topicSubscription({ endpoint: receiver.url(paths[content]), content }));
      await client().untilStatus(id, 'active');
    }
    const { id } = await client().result();
    const events = (path: string) =>
      receiver.waitFor((request) => request.path === path && isOfType('event-notification')(request));
    const idOnly = (await events(paths['id-only'])).json;
    expect(idOnly.entry).toHaveLength(1);
    expect(readNotification(idOnly).events[0]!.focus).toBe(`${client().base}/Observation/${id}`);
    const empty = (await events(paths.empty)).json;
    expect(empty.entry).toHaveLength(1);
    expect(readNotification(empty)).toMatchObject({ topic: undefined, events: [{ number: '1', focus: undefined }] });
    expect(JSON.stringify(empty)).not.toContain(id);
  });
});

test('a classic hook without payload is an empty POST for each match, with the headers asked for, and no handshake', async () => {
  const client = new Client(hub);
  const { status } = await client.create(classicSubscription(receiver.url('/bare'), { header: ['Authorization: Bearer x'] }));
  expect(status).toBe('active');
  await client.result();
  await client.result();
  const [one] = await receiver.waitForCount(2, ({ path }) => path === '/bare');
  expect(one).toMatchObject({ method: 'POST', text: '' });
  expect(one!.headers.authorization).toBe('Bearer x');
  expect(receiver.to('/bare')).toHaveLength(2);
});

test('a classic hook with payload is a PUT of the exact resource under the endpoint, for creates and updates, never for deletes', async () => {
  const client = new Client(hub);
  await client.create(classicSubscription(receiver.url('/mirror/'), { payload: 'application/fhir+json' }));
  const { id } = await client.result('0.10');
  await client.send('PUT', `Observation/${id}`, labResult('0.20', { id }));
  const stored = (await client.send('GET', `Observation/${id}`)).text;
  await client.send('DELETE', `Observation/${id}`);
  const marker = await client.result(3);
  const path = `/mirror/Observation/${id}`;
  await receiver.waitFor((request) => request.path === `/mirror/Observation/${marker.id}`);
  expect(receiver.to(path).map(({ method }) => method)).toEqual(['PUT', 'PUT']);
  expect(receiver.to(path)[1]!.text).toBe(stored);
});

test('events are bundled up to max-count when behind, in order, and one at a time where no max-count is given', async () => {
  const client = new Client(hub);
  receiver.next({ kind: 'status', status: 200, afterMilliseconds: 1500 });
  const { id } = await client.create(topicSubscription({ endpoint: receiver.url('/bundled'), maxCount: 3 }));
  await receiver.waitFor(({ path }) => path === '/bundled');
  for (let value = 1; value <= 7; value += 1) await client.result(value);
  await client.untilStatus(id, 'active');
  const numbers = async () =>
    (await receiver.waitForCount(3, (request) => request.path === '/bundled' && isOfType('event-notification')(request))).map(
      ({ json }) => readNotification(json).events.map(({ number }) => number),
    );
  expect(await numbers()).toEqual([['1', '2', '3'], ['4', '5', '6'], ['7']]);
});

test('while off nothing is sent and nothing counts; after requested what was owed comes first and numbers go on', async () => {
  const client = new Client(hub);
  const { id } = await client.create(topicSubscription({ endpoint: receiver.url('/paused') }));
  const active = await client.untilStatus(id, 'active');
  await client.result();
  await receiver.waitFor((request) => request.path === '/paused' && isOfType('event-notification')(request));
  expect((await client.send('PUT', `Subscription/${id}`, { ...active, status: 'off' })).status).toBe(200);
  await client.result();
  expect((await client.send('PUT', `Subscription/${id}`, { ...active, status: 'requested' })).body.status).toBe('requested');
  await client.untilStatus(id, 'active');
  await client.result();
  await receiver.waitForCount(2, (request) => request.path === '/paused' && isOfType('event-notification')(request));
  const told = receiver.to('/paused').map(({ json }) => readNotification(json));
  expect(told.map(({ type }) => type)).toEqual(['handshake', 'event-notification', 'handshake', 'event-notification']);
  expect(told.map(({ total }) => total)).toEqual(['0', '1', '1', '2']);
});

test('a deleted Subscription is served no more', async () => {
  const client = new Client(hub);
  const { id } = await client.create(topicSubscription({ endpoint: receiver.url('/deleted') }));
  await client.untilStatus(id, 'active');
  const other = await client.create(topicSubscription({ endpoint: receiver.url('/kept') }));
  await client.untilStatus(other.id, 'active');
  await client.send('DELETE', `Subscription/${id}`);
  await client.result();
  await receiver.waitFor((request) => request.path === '/kept' && isOfType('event-notification')(request));
  expect(receiver.to('/deleted').filter(isOfType('event-notification'))).toEqual([]);
});

test('an idle hook gets a heartbeat within its period, and none where none was asked for', async () => {
  const client = new Client(hub);
  const quiet = await client.create(topicSubscription({ endpoint: receiver.url('/quiet') }));
  const { id } = await client.create(topicSubscription({ endpoint: receiver.url('/beat'), heartbeat: 1 }));
  await client.untilStatus(quiet.id, 'active');
  await client.untilStatus(id, 'active');
  const beats = await receiver.waitForCount(2, (request) => request.path === '/beat' && isOfType('heartbeat')(request));
  expect(readNotification(beats[0]!.json)).toMatchObject({ status: 'active', total: '0', events: [] });
  expect(receiver.to('/quiet').filter(isOfType('heartbeat'))).toEqual([]);
});

test('a Subscription whose end is reached is off and stays readable', async () => {
  const client = new Client(hub);
  const end = new Date(Date.now() + 1500).toISOString();
  const { id } = await client.create(topicSubscription({ endpoint: receiver.url('/ends'), end }));
  await client.untilStatus(id, 'active');
  expect((await client.untilStatus(id, 'off')).error).toContain('end');
});
