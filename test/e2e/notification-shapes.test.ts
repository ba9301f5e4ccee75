import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { io, type Socket } from 'socket.io-client';
import { notificationFaults } from '../support/check-notification.js';
import { EndpointReceiver } from '../support/endpoint-receiver.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { Client, type FaceName, isOfType, topicSubscription } from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';
import { WebsocketListener } from '../support/websocket-listener.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- tests look into any resource */

const TOPIC = 'http://example.org/topics/shaped';
const SHAPE = {
  resource: 'Encounter',
  include: ['Encounter:patient&iterate=Patient.link', '_include=Encounter:service-provider:Organization'],
  revInclude: ['Observation:encounter'],
};
const topic = (...notificationShape: object[]) => ({
  resourceType: 'SubscriptionTopic',
  id: 'shaped',
  url: TOPIC,
  status: 'active',
  resourceTrigger: [{ resource: 'Encounter' }],
  canFilterBy: [{ resource: 'Encounter', filterParameter: 'patient' }],
  ...(notificationShape.length === 0 ? {} : { notificationShape }),
});

let hub: Hub;
let receiver: EndpointReceiver;
const sockets: Socket[] = [];

beforeAll(async () => {
  [hub, receiver] = await Promise.all([startHub(), EndpointReceiver.start()]);
});
afterAll(async () => {
  for (const socket of sockets) socket.disconnect();
  await Promise.all([hub?.stop(), receiver?.close()]);
});

const put = async (client: Client, resource: { resourceType: string; id: string; [element: string]: unknown }) => {
  const { status, body } = await client.send('PUT', `${resource.resourceType}/${resource.id}`, resource);
  expect({ ok: status === 200 || status === 201, issue: body?.issue }).toEqual({ ok: true, issue: undefined });
  return body;
};
const encounter = (id: string, patient: string, more: object = {}) => ({
  resourceType: 'Encounter',
  id,
  status: 'in-progress',
  class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'IMP' },
  subject: { reference: `Patient/${patient}` },
  ...more,
});
const observation = (id: string, of: string) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { text: 'a result' },
  encounter: { reference: `Encounter/${of}` },
});

/** What the events of a notification refer to beside their focus, relative to the base. */
function contextsOf(bundle: any, base: string): string[][] {
  const status = bundle.entry[0].resource;
  const events =
    status.resourceType === 'SubscriptionStatus'
      ? (status.notificationEvent ?? []).map((event: any) => event.additionalContext ?? [])
      : status.parameter
          .filter(({ name }: any) => name === 'notification-event')
          .map(({ part }: any) =>
            part.filter(({ name }: any) => name === 'additional-context').map((one: any) => one.valueReference),
          );
  return events.map((context: any[]) => context.map(({ reference }) => reference.replace(`${base}/`, '')));
}
const entriesOf = (bundle: any): [string, string, string | undefined][] =>
  bundle.entry.slice(1).map(({ request, resource }: any) => [request.method, request.url, resource?.id]);

describe.each<FaceName>(['r4b', 'r4'])('in the face %s', (face) => {
  const client = () => new Client(hub, face);
  const name = (id: string) => `${id}-${face}`;
  const paths = {
    empty: `/${face}/empty`,
    'id-only': `/${face}/id`,
    'full-resource': `/${face}/full`,
    filtered: `/${face}/filtered`,
  };
  const ids = new Map<string, string>();
  const ofEvent = (path: string) => (request: { json: any; path: string }) =>
    request.path === path && isOfType('event-notification')(request);
  /** The bundles that each of the hooks got by now, once there are that many. */
  const heard = async (count: number, path: string) =>
    (await receiver.waitForCount(count, ofEvent(path))).map(({ json }) => json);
  const context = () => [
    `Patient/${name('p1')}`,
    `Organization/${name('o')}`,
    `Observation/${name('b')}`,
    `Patient/${name('p2')}`,
  ];

  beforeAll(async () => {
    await put(new Client(hub), topic(SHAPE));
    for (const [content, path] of Object.entries(paths)) {
      const options =
        content === 'filtered'
          ? { content: 'full-resource', filters: [`Encounter?patient=Patient/${name('p1')}`] }
          : { content, filters: [] };
      const subscription = { ...topicSubscription({ endpoint: receiver.url(path), ...options }), criteria: TOPIC };
      ids.set(content, (await client().create(subscription)).id);
    }
    for (const id of ids.values()) await client().untilStatus(id, 'active');
    await put(client(), { resourceType: 'Organization', id: name('o'), name: 'Ward' });
    await put(client(), { resourceType: 'Patient', id: name('p2') });
    await put(client(), { resourceType: 'Patient', id: name('gone') });
    await client().send('DELETE', `Patient/${name('gone')}`);
    const links = ['p2', 'gone'].map((id) => ({ other: { reference: `Patient/${name(id)}` }, type: 'seealso' }));
    await put(client(), { resourceType: 'Patient', id: name('p1'), link: links });
    // In one transaction, the encounter before what refers to it: what is told is what was committed.
    const resources = [
      encounter(name('e'), name('p1'), { serviceProvider: { reference: `Organization/${name('o')}` } }),
      observation(name('b'), name('e')),
    ];
    const entry = resources.map((resource) => {
      const url = `${resource.resourceType}/${resource.id}`;
      return { fullUrl: `${client().base}/${url}`, resource, request: { method: 'PUT', url } };
    });
    expect((await client().send('POST', client().base, { resourceType: 'Bundle', type: 'transaction', entry })).status).toBe(200);
  });

  const sound = (bundle: any, level: 'empty' | 'id-only' | 'full-resource', key: string = level, type = 'event-notification') =>
    notificationFaults(bundle, {
      face,
      base: client().base,
      subscription: ids.get(key)!,
      topic: TOPIC,
      level,
      type: type as 'event-notification',
    });

  test('full-resource holds exactly the focus and what include and revInclude add, each with its resource', async () => {
    const [bundle] = await heard(1, paths['full-resource']);
    expect(sound(bundle, 'full-resource')).toEqual([]);
    expect(contextsOf(bundle, client().base)).toEqual([context()]);
    expect(entriesOf(bundle)).toEqual([
      ['PUT', `Encounter/${name('e')}`, name('e')],
      ...context().map((reference) => ['GET', reference, reference.split('/')[1]]),
    ]);
  });

  test('id-only refers to it, empty tells nothing of it', async () => {
    const [idOnly] = await heard(1, paths['id-only']);
    expect(sound(idOnly, 'id-only')).toEqual([]);
    expect(contextsOf(idOnly, client().base)).toEqual([context()]);
    expect(idOnly.entry).toHaveLength(1);
    const [empty] = await heard(1, paths.empty);
    expect(sound(empty, 'empty')).toEqual([]);
    expect(contextsOf(empty, client().base)).toEqual([[]]);
    expect(empty.entry).toHaveLength(1);
  });

  test('another filter of the same topic gets the same context', async () => {
    const [one] = await heard(1, paths['full-resource']);
    const [other] = await heard(1, paths.filtered);
    expect(sound(other, 'full-resource', 'filtered')).toEqual([]);
    expect(entriesOf(other)).toEqual(entriesOf(one));
  });

  test('$events tells it too, at each level', async () => {
    await heard(1, paths['full-resource']);
    const events = async (content: string) =>
      (await client().send('GET', `Subscription/${ids.get('full-resource')}/$events?eventsUntilNumber=1&content=${content}`))
        .body;
    const full = await events('full-resource');
    expect(sound(full, 'full-resource', 'full-resource', 'query-event')).toEqual([]);
    expect(contextsOf(full, client().base)).toEqual([context()]);
    expect(entriesOf(full).map(([, url]) => url)).toEqual([`Encounter/${name('e')}`, ...context()]);
    expect(contextsOf(await events('id-only'), client().base)).toEqual([context()]);
    expect(contextsOf(await events('empty'), client().base)).toEqual([[]]);
  });

  test('a websocket and the live feed are told the same', async () => {
    const subscription = { ...topicSubscription({ type: 'websocket', content: 'full-resource' }), criteria: TOPIC };
    const { id } = await client().create(subscription);
    const { body: issued } = await client().send('GET', `Subscription/${id}/$get-ws-binding-token`);
    const listener = await WebsocketListener.open(`${hub.url.replace('http', 'ws')}/ws`);
    listener.say(`bind-with-token ${issued.parameter.find(({ name: of }: any) => of === 'token').valueString}`);
    const socket = io(`${hub.url}/live`, { transports: ['websocket'], forceNew: true, reconnection: false, query: { face } });
    sockets.push(socket);
    const told: any[] = [];
    socket.on('notification', ({ bundle }) => told.push(bundle));
    await waitFor(() => socket.connected && listener.frames.length > 0, { what: 'both to be bound' });
    await socket.timeout(60_000).emitWithAck('subscribe', { topic: TOPIC, content: 'full-resource' });
    await put(client(), encounter(name('e-socket'), name('p2')));
    await waitFor(() => told.length > 0 && listener.bundles.length > 1, { what: 'the event on both' });
    for (const bundle of [told[0], listener.bundles[1]]) {
      expect(contextsOf(bundle, client().base)).toEqual([[`Patient/${name('p2')}`]]);
      expect(entriesOf(bundle)[1]).toEqual(['GET', `Patient/${name('p2')}`, name('p2')]);
    }
    await listener.close();
  });

  test('the focus is the version that made the event, what is included the one that stands when it is read', async () => {
    await put(client(), { resourceType: 'Patient', id: name('q'), gender: 'unknown' });
    await put(client(), encounter(name('e2'), name('q')));
    const about = ({ json, path }: any) =>
      path === paths['full-resource'] &&
      json?.entry?.[1]?.resource?.id === name('e2') &&
      isOfType('event-notification')({ json });
    const { json } = await receiver.waitFor(about);
    expect(json.entry[2].resource).toMatchObject({ id: name('q'), gender: 'unknown' });
    const number =
      json.entry[0].resource.eventsSinceSubscriptionStart ??
      json.entry[0].resource.parameter.find(({ name: of }: any) => of === 'events-since-subscription-start').valueString;
    await put(client(), { resourceType: 'Patient', id: name('q'), gender: 'female' });
    await put(client(), encounter(name('e2'), name('q'), { status: 'finished' }));
    const range = `eventsSinceNumber=${number}&eventsUntilNumber=${number}`;
    const { body } = await client().send('GET', `Subscription/${ids.get('full-resource')}/$events?${range}`);
    expect(body.entry[1].resource).toMatchObject({ id: name('e2'), status: 'in-progress' });
    expect(body.entry[2].resource).toMatchObject({ id: name('q'), gender: 'female' });
  });

  test('a delete has no resource, but the context of the version before it', async () => {
    await put(client(), encounter(name('e3'), name('p2')));
    await put(client(), observation(name('b3'), name('e3')));
    await client().send('DELETE', `Encounter/${name('e3')}`);
    const { json } = await receiver.waitFor(
      ({ json: sent, path }) =>
        path === paths['full-resource'] &&
        sent?.entry?.[1]?.request.method === 'DELETE' &&
        isOfType('event-notification')({ json: sent }),
    );
    expect(sound(json, 'full-resource')).toEqual([]);
    expect(contextsOf(json, client().base)).toEqual([[`Patient/${name('p2')}`, `Observation/${name('b3')}`]]);
    expect(entriesOf(json)).toEqual([
      ['DELETE', `Encounter/${name('e3')}`, undefined],
      ['GET', `Patient/${name('p2')}`, name('p2')],
      ['GET', `Observation/${name('b3')}`, name('b3')],
    ]);
  });
});

test('a shape that is taken from the topic, or given to it, counts from the next event on', async () => {
  const client = new Client(hub);
  await put(client, { ...topic(), id: 'changing', url: 'http://example.org/topics/changing' });
  const subscription = topicSubscription({ endpoint: receiver.url('/changing'), content: 'id-only' });
  const { id } = await client.create({ ...subscription, criteria: 'http://example.org/topics/changing' });
  await client.untilStatus(id, 'active');
  await put(client, { resourceType: 'Patient', id: 'c' });
  const told = async (count: number) => {
    await put(client, encounter(`c${count}`, 'c'));
    const bundles = await receiver.waitForCount(
      count,
      (request) => request.path === '/changing' && isOfType('event-notification')(request),
    );
    return contextsOf(bundles.at(-1)!.json, client.base);
  };
  expect(await told(1)).toEqual([[]]);
  await put(client, { ...topic(SHAPE), id: 'changing', url: 'http://example.org/topics/changing' });
  expect(await told(2)).toEqual([['Patient/c']]);
  await put(client, { ...topic(), id: 'changing', url: 'http://example.org/topics/changing' });
  expect(await told(3)).toEqual([[]]);
});

test('a directive that can add nothing is refused when the topic is written, with its place', async () => {
  const { status, body } = await new Client(hub).send('PUT', 'SubscriptionTopic/slip', {
    ...topic({ resource: 'Encounter', include: ['Encounter:patient', 'Encounter:date'] }),
    id: 'slip',
    url: 'http://example.org/topics/slip',
  });
  expect(status).toBe(422);
  expect(body.issue).toMatchObject([{ expression: ['SubscriptionTopic.notificationShape[0].include[1]'] }]);
});
