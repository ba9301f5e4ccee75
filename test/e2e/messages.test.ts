import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { validateResource } from '../../src/fhir/validate-resource.js';
import { EndpointReceiver } from '../support/endpoint-receiver.js';
import { ADMIT, encounter, message, SENDER } from '../support/messages.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { Client, type FaceName, isOfType, readNotification, topicSubscription } from '../support/subscriber.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- tests look into any resource */

let hub: Hub;
let receiver: EndpointReceiver;

beforeAll(async () => {
  [hub, receiver] = await Promise.all([startHub(), EndpointReceiver.start()]);
});
afterAll(async () => {
  await Promise.all([hub?.stop(), receiver?.close()]);
});

const post = (body: unknown, face: FaceName = 'r4b', query = '') =>
  new Client(hub, face).send('POST', `$process-message${query}`, body);

/** A topic of one's own with a trigger for an event, and a subscription to it. */
async function listenTo(path: string, topic: object, filters: string[] = [], face: FaceName = 'r4b', content = 'id-only') {
  const client = new Client(hub);
  const id = randomUUID();
  const url = `http://example.org/topics/${id}`;
  const put = await client.send('PUT', `SubscriptionTopic/${id}`, {
    resourceType: 'SubscriptionTopic',
    id,
    url,
    status: 'active',
    ...topic,
  });
  expect(put.body.issue).toBeUndefined();
  const subscriber = new Client(hub, face);
  const subscription = { ...topicSubscription({ endpoint: receiver.url(path), filters, content }), criteria: url };
  const { id: subscriptionId } = await subscriber.create(subscription);
  await subscriber.untilStatus(subscriptionId, 'active');
  return subscriptionId as string;
}

const told = (path: string) =>
  receiver
    .to(path)
    .filter(isOfType('event-notification'))
    .flatMap(({ json }) => readNotification(json).events.map(({ focus }) => focus!.split('/').slice(-2).join('/')));
const untilTold = (path: string, count: number) =>
  receiver.waitForCount(count, (request) => request.path === path && isOfType('event-notification')(request));

const ADMITTED = { eventTrigger: [{ resource: 'Encounter', event: { coding: [ADMIT] } }] };

describe.each<FaceName>(['r4b', 'r4'])('$process-message in the face %s', (face) => {
  const client = () => new Client(hub, face);

  test('stores its content and answers with a response message that says ok', async () => {
    const id = randomUUID();
    const enc = `enc-${randomUUID()}`;
    const uuid = randomUUID();
    const { status, body, text } = await post(
      message(
        [
          {
            fullUrl: `${SENDER}/Encounter/${enc}`,
            resource: encounter(enc, 'in-progress', 'IMP', { subject: { reference: `urn:uuid:${uuid}` } }),
          },
          { fullUrl: `urn:uuid:${uuid}`, resource: { resourceType: 'Patient', name: [{ family: 'Doe' }] } },
        ],
        { id, focus: [`${SENDER}/Encounter/${enc}`] },
      ),
      face,
    );
    expect({ status, text: status === 200 ? '' : text }).toEqual({ status: 200, text: '' });
    expect(validateResource(body)).toEqual([]);
    expect(body).toMatchObject({ resourceType: 'Bundle', type: 'message' });
    expect(body.entry[0].resource).toMatchObject({
      resourceType: 'MessageHeader',
      eventCoding: ADMIT,
      destination: [{ endpoint: SENDER }],
      source: { endpoint: client().base },
      response: { identifier: id, code: 'ok' },
    });
    const stored = await client().send('GET', `Encounter/${enc}`);
    expect(stored.body.subject.reference).toMatch(/^Patient\/[0-9a-f-]{36}$/);
    expect((await client().send('GET', stored.body.subject.reference)).body.name).toEqual([{ family: 'Doe' }]);
    expect((await client().send('GET', `MessageHeader/${id}`)).body.focus).toEqual([{ reference: `Encounter/${enc}` }]);
  });

  test('fires the topics of its event, with each focus; other events and plain writes fire nothing', async () => {
    const path = `/${face}/admitted`;
    await listenTo(path, ADMITTED, [], face);
    await client().create(encounter(undefined), 'Encounter');
    const [first, second] = [randomUUID(), randomUUID()];
    const content = [first, second].map((id) => ({ resource: encounter(id) }));
    const focus = content.map(({ resource }) => `Encounter/${String(resource.id)}`);
    await post(message(content, { focus, event: { ...ADMIT, code: 'A02' } }), face);
    await client().send('PUT', 'MessageHeader/stored-only', {
      ...(message([], { id: 'stored-only', focus }) as any).entry[0].resource,
    });
    expect((await post(message([], { focus }), face)).status).toBe(200);
    await untilTold(path, 2);
    expect((await post(message([{ resource: encounter(first, 'finished') }], { focus: focus.slice(0, 1) }), face)).status).toBe(
      200,
    );
    await untilTold(path, 3);
    expect(told(path)).toEqual([...focus, focus[0]]);
  });

  test('carries in full-resource the version that the message left behind', async () => {
    const path = `/${face}/full`;
    await listenTo(path, ADMITTED, [], face, 'full-resource');
    const id = randomUUID();
    await post(message([{ resource: encounter(id, 'arrived') }], { focus: [`Encounter/${id}`] }), face);
    await client().send('PUT', `Encounter/${id}`, encounter(id, 'finished'));
    const { json } = (await untilTold(path, 1))[0]!;
    expect(json.entry[1].resource).toMatchObject({ id, status: 'arrived', meta: { versionId: '1' } });
  });

  test.each([
    ['no Bundle', { resourceType: 'Patient' }, 400, 'resourceType'],
    ['a transaction', { resourceType: 'Bundle', type: 'transaction' }, 422, 'Bundle.type'],
    ['an empty message', { resourceType: 'Bundle', type: 'message' }, 400, 'Bundle.entry[0].resource'],
    ['no event', message([], { header: { eventCoding: undefined } }), 400, undefined],
    ['no source', message([], { header: { source: undefined } }), 400, undefined],
    [
      'a response',
      message([], { header: { response: { identifier: 'a', code: 'ok' } } }),
      400,
      'Bundle.entry[0].resource.response',
    ],
    ['an unknown focus', message([], { focus: ['Encounter/nowhere'] }), 422, 'Bundle.entry[0].resource.focus[0]'],
    ['a focus elsewhere', message([], { focus: ['http://x.example/Encounter/1'] }), 422, 'Bundle.entry[0].resource.focus[0]'],
    ['a Subscription in it', message([{ resource: topicSubscription({ type: 'websocket' }) }]), 422, 'Bundle.entry[1].resource'],
    ['an invalid resource', message([{ resource: { resourceType: 'Encounter', status: 'nonsense' } }]), 422, undefined],
    [
      'ids that disagree',
      message([{ fullUrl: `${SENDER}/Encounter/a`, resource: encounter('b') }]),
      400,
      'Bundle.entry[1].fullUrl',
    ],
  ])('refuses %s', async (_, body, status, expression) => {
    const refusal = await post(body, face);
    expect(refusal).toMatchObject({ status, body: { resourceType: 'OperationOutcome' } });
    if (expression !== undefined) expect(refusal.body.issue[0].expression).toEqual([expression]);
  });

  test('refuses to answer elsewhere', async () => {
    expect((await post(message([]), face, '?async=true')).status).toBe(400);
    expect((await post(message([]), face, '?response-url=http://x.example/')).status).toBe(400);
    expect((await post(message([]), face, '?async=false')).status).toBe(200);
  });

  test('stores all or nothing', async () => {
    const id = randomUUID();
    const twice = [{ resource: encounter(id) }, { fullUrl: `${SENDER}/Encounter/${id}`, resource: encounter(id) }];
    expect((await post(message(twice), face)).status).toBe(400);
    expect((await client().send('GET', `Encounter/${id}`)).status).toBe(404);
  });

  test('fires events for systems without messages by $fire-event', async () => {
    const path = `/${face}/fired`;
    await listenTo(path, ADMITTED, [], face);
    const { id } = await client().create(encounter(undefined), 'Encounter');
    const parameters = (...focus: string[]) => ({
      resourceType: 'Parameters',
      parameter: [
        { name: 'event', valueCoding: ADMIT },
        ...focus.map((reference) => ({ name: 'focus', valueReference: { reference } })),
      ],
    });
    const fire = (body: object) => client().send('POST', '$fire-event', body);
    const before = new Date().toISOString();
    const { status, body } = await fire(parameters(`Encounter/${id}`));
    expect(status).toBe(200);
    expect((await client().send('GET', body.parameter[0].valueReference.reference)).body).toMatchObject({
      resourceType: 'MessageHeader',
      eventCoding: ADMIT,
      focus: [{ reference: `Encounter/${id}` }],
    });
    const { json } = (await untilTold(path, 1))[0]!;
    expect(readNotification(json).events[0]).toMatchObject({ focus: `${client().base}/Encounter/${id}` });
    expect(readNotification(json).events[0]!.timestamp! >= before).toBe(true);
    expect(await fire(parameters('Encounter/nowhere'))).toMatchObject({
      status: 422,
      body: { issue: [{ expression: ['Parameters.parameter[1]'] }] },
    });
    expect((await fire(parameters())).status).toBe(400);
    expect((await fire({ resourceType: 'Parameters' })).status).toBe(400);
    expect((await client().send('DELETE', `Encounter/${id}`)).status).toBe(204);
    expect((await fire(parameters(`Encounter/${id}`))).status).toBe(422);
  });
});

test('filters are asked of the focus', async () => {
  const topic = {
    ...ADMITTED,
    canFilterBy: [{ resource: 'Encounter', filterParameter: 'status' }],
  };
  await listenTo('/filtered', topic, ['Encounter?status=arrived']);
  const [no, yes] = [randomUUID(), randomUUID()];
  for (const [id, status] of [
    [no, 'planned'],
    [yes, 'arrived'],
  ] as const)
    await post(message([{ resource: encounter(id, status) }], { focus: [`Encounter/${id}`] }));
  await untilTold('/filtered', 1);
  expect(told('/filtered')).toEqual([`Encounter/${yes}`]);
});

test('a topic whose triggers both fire tells a message once', async () => {
  const topic = { ...ADMITTED, resourceTrigger: [{ resource: 'Encounter', supportedInteraction: ['create'] }] };
  await listenTo('/both', topic);
  const id = randomUUID();
  const sent = message([{ resource: encounter(id) }], { focus: [`Encounter/${id}`] });
  await post(sent);
  await post(message([], { focus: [`Encounter/${id}`] }));
  const last = randomUUID();
  await post(message([{ resource: encounter(last) }], { focus: [`Encounter/${last}`] }));
  await untilTold('/both', 3);
  expect(told('/both')).toEqual([`Encounter/${id}`, `Encounter/${id}`, `Encounter/${last}`]);
});

describe('reliable messaging', () => {
  test('a message that comes again in the same envelope gets the first answer and is not processed again', async () => {
    await listenTo('/again', ADMITTED);
    const id = randomUUID();
    const sent = message(
      [{ resource: encounter(id) }, { fullUrl: 'urn:uuid:x', resource: { resourceType: 'Basic', code: { text: id } } }],
      {
        focus: [`Encounter/${id}`],
      },
    );
    const [first, ...others] = await Promise.all(Array.from({ length: 4 }, () => post(sent)));
    expect(first!.status).toBe(200);
    expect(others.map(({ text }) => text)).toEqual([first!.text, first!.text, first!.text]);
    expect((await post(sent, 'r4')).text).toBe(first!.text);
    const other = randomUUID();
    await post(message([{ resource: encounter(other) }], { focus: [`Encounter/${other}`] }));
    await untilTold('/again', 2);
    expect(told('/again')).toEqual([`Encounter/${id}`, `Encounter/${other}`]);
    expect((await new Client(hub).send('GET', `Encounter/${id}/_history`)).body.total).toBe(1);
  });

  test('one of the two ids alone is refused; ids of another source are other ids', async () => {
    const [id, envelope] = [randomUUID(), randomUUID()];
    expect((await post(message([], { id, envelope }))).status).toBe(200);
    expect(await post(message([], { id }))).toMatchObject({ status: 409, body: { issue: [{ code: 'duplicate' }] } });
    expect(await post(message([], { envelope }))).toMatchObject({
      status: 409,
      body: { issue: [{ expression: ['Bundle.identifier'] }] },
    });
    const elsewhere = { source: { endpoint: 'http://other.example/fhir' } };
    expect((await post(message([], { id, envelope, header: elsewhere }))).status).toBe(200);
  });

  test('a message that was refused may be mended and sent again under its ids', async () => {
    const [id, envelope] = [randomUUID(), randomUUID()];
    expect((await post(message([], { id, envelope, focus: ['Encounter/nowhere'] }))).status).toBe(422);
    expect((await post(message([], { id, envelope }))).status).toBe(200);
  });
});

test('decimals of a message keep their digits, and a message may stand in a batch', async () => {
  const id = randomUUID();
  const observation = `{"resourceType":"Observation","id":"${id}","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.500}}`;
  const text = JSON.stringify(message([{ resource: { resourceType: 'Basic' } }])).replace(
    '{"resourceType":"Basic"}',
    observation,
  );
  expect((await post(text)).status).toBe(200);
  expect((await new Client(hub).send('GET', `Observation/${id}`)).text).toContain('"value":1.500');
  const batch = await new Client(hub).send('POST', hub.fhir, {
    resourceType: 'Bundle',
    type: 'batch',
    entry: [{ resource: message([]), request: { method: 'POST', url: '$process-message' } }],
  });
  expect(batch.body.entry[0]).toMatchObject({ response: { status: '200 OK' }, resource: { type: 'message' } });
});

test('only POST is served, and metadata tells of it', async () => {
  expect((await new Client(hub).send('PUT', '$process-message', {})).status).toBe(405);
  const { body } = await new Client(hub).send('GET', 'metadata');
  expect(body.messaging[0]).toMatchObject({ reliableCache: 1440, endpoint: [{ address: `${hub.fhir}/$process-message` }] });
  expect(body.rest[0].operation.map(({ name }: { name: string }) => name)).toEqual(
    expect.arrayContaining(['process-message', 'fire-event']),
  );
});
