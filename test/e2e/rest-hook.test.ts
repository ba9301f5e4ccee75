import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { EndpointReceiver } from '../support/endpoint-receiver.js';
import { partsOf } from '../support/parameters.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { Client, type FaceName, isOfType, LAB_TOPIC, readNotification, topicSubscription } from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';

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
    expect(created.status).toBe('requested');

    const handshake = await receiver.waitFor((request) => request.path === path);
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
    // It was left for long enough after the write for the 201 to come first, by the clock of the hub.
    const [greeting] = await waitFor(
      async () => {
        const { body } = await client().send('GET', `Subscription/${created.id}/$attempts`);
        const attempts = partsOf(body, 'attempt');
        return attempts.length > 0 && attempts;
      },
      { what: 'the handshake to be written down' },
    );
    expect(greeting).toMatchObject({ kind: 'handshake' });
    expect(Date.parse(String(greeting!['at'])) - Date.parse(created.meta.lastUpdated)).toBeGreaterThan(100);
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
    expect(one!.headers['webhook-id']).toMatch(new RegExp(`^${id}\\.1-1\\.[0-9a-f]{8}$`));
    expect(two!.headers['webhook-id']).toMatch(new RegExp(`^${id}\\.2-2\\.[0-9a-f]{8}$`));
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

  test('a Subscription that was deleted and is made again under its id has other ids, so that no receiver takes its events for known', async () => {
    const path = `/${face}/again`;
    const ids: unknown[] = [];
    const { id } = await client().create(topicSubscription({ endpoint: receiver.url(path) }));
    for (const life of [1, 2]) {
      await client().untilStatus(id, 'active');
      await client().result();
      const sent = await receiver.waitForCount(
        life,
        (request) => request.path === path && isOfType('event-notification')(request),
      );
      expect(readNotification(sent.at(-1)!.json).events[0]!.number).toBe('1');
      ids.push(sent.at(-1)!.headers['webhook-id']);
      if (life === 2) break;
      await client().send('DELETE', `Subscription/${id}`);
      await client().send('PUT', `Subscription/${id}`, { ...topicSubscription({ endpoint: receiver.url(path) }), id });
    }
    expect(ids[0]).not.toBe(ids[1]);
  });
});
