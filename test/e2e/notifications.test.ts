import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ExpectedNotification, notificationFaults } from '../support/check-notification.js';
import { EndpointReceiver, type Received } from '../support/endpoint-receiver.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { Client, type FaceName, isOfType, readNotification, topicSubscription } from '../support/subscriber.js';

/** What notifications look like, in every face and at every level, judged by a checker that knows the rules and not the hub. */

const LEVELS = ['empty', 'id-only', 'full-resource'] as const;
const TOPIC = 'http://example.org/patients';

let hub: Hub;
let receiver: EndpointReceiver;

beforeAll(async () => {
  [hub, receiver] = await Promise.all([startHub(), EndpointReceiver.start()]);
  const topic = { resourceType: 'SubscriptionTopic', id: 'patients', url: TOPIC, status: 'active' };
  const canFilterBy = [{ resource: 'Patient', filterParameter: '_tag' }];
  const resourceTrigger = [{ resource: 'Patient' }];
  await new Client(hub).send('PUT', 'SubscriptionTopic/patients', { ...topic, resourceTrigger, canFilterBy });
});
afterAll(async () => {
  await receiver?.close();
  await hub?.stop();
});

const cases = (['r4b', 'r4'] as const).flatMap((face) => LEVELS.map((level) => ({ face, level })));

describe.each(cases)('in the face $face, $level', ({ face, level }) => {
  const client = () => new Client(hub, face);
  const tag = `${face}-${level}`;
  const patient = (more: object = {}) => ({
    resourceType: 'Patient',
    meta: { tag: [{ system: 'http://x', code: tag }] },
    ...more,
  });
  const subscribe = (name: string, options: Parameters<typeof topicSubscription>[0] = {}) =>
    client().create(
      topicSubscription({
        topic: TOPIC,
        endpoint: receiver.url(`/${tag}/${name}`),
        content: level,
        filters: [`Patient?_tag=http://x|${tag}`],
        ...options,
      }),
    );
  const told = (name: string) => receiver.to(`/${tag}/${name}`);
  const expected = (subscription: string, type: ExpectedNotification['type']): ExpectedNotification => ({
    face,
    base: client().base,
    subscription,
    topic: TOPIC,
    level,
    type,
  });
  const faults = (request: Received, id: string, type: ExpectedNotification['type']) =>
    notificationFaults(request.json, expected(id, type));
  const waitForEvents = (name: string, count: number) =>
    receiver.waitForCount(count, (request) => request.path === `/${tag}/${name}` && isOfType('event-notification')(request));

  test('handshake, create, update, delete: each is as the standard says', async () => {
    const { id } = await subscribe('single', { headers: ['X-Key: k'], payload: 'application/fhir+json; charset=utf-8' });
    await client().untilStatus(id, 'active');
    const { id: focus } = await client().create(patient(), 'Patient');
    await client().send('PUT', `Patient/${focus}`, patient({ id: focus, active: true }));
    await client().send('DELETE', `Patient/${focus}`);
    await waitForEvents('single', 3);
    const [handshake, ...events] = told('single');
    expect(faults(handshake!, id, 'handshake')).toEqual([]);
    expect(readNotification(handshake!.json)).toMatchObject({ total: '0', events: [] });
    expect(events).toHaveLength(3);
    for (const [index, event] of events.entries()) {
      expect(faults(event, id, 'event-notification')).toEqual([]);
      expect(readNotification(event.json)).toMatchObject({ status: 'active', total: `${index + 1}` });
      expect(readNotification(event.json).events.map(({ number }) => number)).toEqual([`${index + 1}`]);
    }
    for (const { method, headers } of told('single'))
      expect({ method, ...headers }).toMatchObject({
        method: 'POST',
        'content-type': 'application/fhir+json; charset=utf-8',
        'x-key': 'k',
      });
    if (level === 'full-resource') {
      expect(events.map(({ json }) => json.entry[1].request.method)).toEqual(['POST', 'PUT', 'DELETE']);
      expect(events.map(({ json }) => json.entry[1].resource?.meta.versionId)).toEqual(['1', '2', undefined]);
    }
    if (level === 'empty') for (const { text } of events) expect(text).not.toContain(focus);

    const status = (await client().send('GET', `Subscription/${id}/$status`)).body;
    expect(notificationFaults(status, expected(id, 'query-status'))).toEqual([]);
    const range = (await client().send('GET', `Subscription/${id}/$events?eventsSinceNumber=2`)).body;
    expect(notificationFaults(range, expected(id, 'query-event'))).toEqual([]);
    expect(readNotification(range)).toMatchObject({ total: '3' });
    const other = new Client(hub, face === 'r4b' ? 'r4' : 'r4b');
    expect((await other.send('GET', `Subscription/${id}/$status`)).status).toBe(200);
  });

  test('seven events and max-count 3 make 3, 3 and 1; versions of one resource stand side by side', async () => {
    // The greeting is answered once all seven are owed, as another of the same filter shows, which is served by the same process.
    const owed = Promise.withResolvers<void>();
    receiver.always(({ path }) => (path === `/${tag}/batched` ? { kind: 'status', status: 200, after: owed.promise } : 200));
    await subscribe('witness');
    const { id } = await subscribe('batched', { maxCount: 3 });
    await receiver.waitFor(({ path }) => path === `/${tag}/batched`);
    const { id: focus } = await client().create(patient(), 'Patient');
    for (let n = 2; n <= 7; n += 1)
      await client().send('PUT', `Patient/${focus}`, patient({ id: focus, multipleBirthInteger: n }));
    // The seventh is on its way to all of them by the time at which the witness has taken it.
    await waitForEvents('witness', 7);
    owed.resolve();
    const batches = await waitForEvents('batched', 3);
    expect(batches.map(({ json }) => readNotification(json).events.map(({ number }) => Number(number)))).toEqual([
      [1, 2, 3],
      [4, 5, 6],
      [7],
    ]);
    for (const batch of batches) expect(faults(batch, id, 'event-notification')).toEqual([]);
  });

  test('heartbeats come in silence, with the total and no event; none where none was asked for', async () => {
    const { id: quiet } = await subscribe('quiet');
    const { id } = await subscribe('beating', { heartbeat: 1 });
    await client().untilStatus(quiet, 'active');
    await client().create(patient(), 'Patient');
    const isBeat = (request: Received) => request.path === `/${tag}/beating` && isOfType('heartbeat')(request);
    const beat = await receiver.waitFor((request) => isBeat(request) && readNotification(request.json).total === '1');
    expect(faults(beat, id, 'heartbeat')).toEqual([]);
    expect(readNotification(beat.json)).toMatchObject({ status: 'active', total: '1' });
    expect(told('quiet').filter(isOfType('heartbeat'))).toEqual([]);
    await client().send('DELETE', `Subscription/${id}`);
  });
});

test('one change notifies the Subscriptions of both faces, each in its own words', async () => {
  const ids: Partial<Record<FaceName, string>> = {};
  for (const face of ['r4b', 'r4'] as const) {
    const client = new Client(hub, face);
    const { id } = await client.create(
      topicSubscription({
        topic: TOPIC,
        endpoint: receiver.url(`/both/${face}`),
        content: 'full-resource',
        filters: ['_tag=http://x|both'],
      }),
    );
    await client.untilStatus(id, 'active');
    ids[face] = id;
  }
  await new Client(hub).create({ resourceType: 'Patient', meta: { tag: [{ system: 'http://x', code: 'both' }] } }, 'Patient');
  for (const face of ['r4b', 'r4'] as const) {
    const event = await receiver.waitFor(
      (request) => request.path === `/both/${face}` && isOfType('event-notification')(request),
    );
    const expected = { face, base: new Client(hub, face).base, subscription: ids[face]!, topic: TOPIC } as const;
    expect(notificationFaults(event.json, { ...expected, level: 'full-resource', type: 'event-notification' })).toEqual([]);
  }
});
