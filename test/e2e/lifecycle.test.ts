import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { EndpointReceiver, type Received } from '../support/endpoint-receiver.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { Client, type FaceName, isOfType, readNotification, topicSubscription } from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';

/** From requested to off: https://hl7.org/fhir/uv/subscriptions-backport/errors.html. What retries do in detail is in retry.test.ts. */

let hub: Hub;
const receivers: EndpointReceiver[] = [];

beforeAll(async () => {
  hub = await startHub({ env: { DELIVERY_BACKOFF_MILLISECONDS: '100' } });
});
afterAll(async () => {
  await Promise.all(receivers.map((receiver) => receiver.close()));
  await hub?.stop();
});

async function endpoint(answer = 200): Promise<EndpointReceiver> {
  const receiver = await EndpointReceiver.start(answer);
  receivers.push(receiver);
  return receiver;
}

const events = isOfType('event-notification');
const handshake = isOfType('handshake');
const numbersOf = (receiver: EndpointReceiver) =>
  receiver.received.filter(events).flatMap(({ json }) => readNotification(json).events.map(({ number }) => Number(number)));

describe.each<FaceName>(['r4b', 'r4'])('in the face %s', (face) => {
  const client = () => new Client(hub, face);
  const put = (subscription: { id: string }, change: object) =>
    client().send('PUT', `Subscription/${subscription.id}`, { ...subscription, ...change });

  test.each(['requested', 'active'])(
    'asked for as %s it is requested, and active once the endpoint took the handshake',
    async (status) => {
      const receiver = await endpoint();
      const asked = topicSubscription({ endpoint: receiver.url() });
      const created = await client().create({ ...asked, status, error: 'the client’s own' });
      expect(created).toMatchObject({ ...asked, status: 'requested' });
      const active = await client().untilStatus(created.id, 'active');
      expect(active).toMatchObject({ ...asked, status: 'active' });
      expect([created.error, active.error]).toEqual([undefined, undefined]);
      expect(receiver.received.map(({ json }) => readNotification(json))).toMatchObject([
        { type: 'handshake', status: 'requested' },
      ]);
    },
  );

  test('asked for as off it is off: no handshake, no event, until it is requested', async () => {
    const receiver = await endpoint();
    const created = await client().create({ ...topicSubscription({ endpoint: receiver.url() }), status: 'off' });
    expect(created.status).toBe('off');
    await client().result();
    expect((await put(created, { status: 'requested' })).body.status).toBe('requested');
    await client().untilStatus(created.id, 'active');
    await client().result();
    await receiver.waitFor(events);
    expect(numbersOf(receiver)).toEqual([1]);
  });

  test('a handshake refused at first is tried again; events of the meantime are numbered and come after it, in order', async () => {
    const receiver = await endpoint();
    receiver.next(500, { kind: 'drop' }, 404);
    const { id } = await client().create(topicSubscription({ endpoint: receiver.url() }));
    for (let value = 1; value <= 3; value += 1) await client().result(value);
    await client().untilStatus(id, 'active');
    await receiver.waitForCount(3, events);
    expect(receiver.received.slice(0, 4).every(handshake)).toBe(true);
    expect(numbersOf(receiver)).toEqual([1, 2, 3]);
  });

  test('one refused for good leads to error with its reason, in the resource and in $status; a probe leads back, with what was missed', async () => {
    const receiver = await endpoint(503);
    const { id } = await client().create(topicSubscription({ endpoint: receiver.url() }));
    const failed = await client().untilStatus(id, 'error');
    expect(failed.error).toContain('503');
    expect(receiver.received.length).toBeGreaterThanOrEqual(4);
    await client().result();
    const status = await waitFor(async () => {
      const read = readNotification((await client().send('GET', `Subscription/${id}/$status`)).body);
      return read.total === '1' && read;
    });
    expect(status).toMatchObject({ status: 'error', type: 'query-status' });
    expect(status.errors[0].coding[0]).toMatchObject({ code: 'error-response' });
    expect(status.errors[0].text).toContain('503');
    receiver.always(200);
    expect((await client().untilStatus(id, 'active')).error).toBeUndefined();
    await receiver.waitFor(events);
    expect(numbersOf(receiver)).toEqual([1]);
    expect(readNotification((await client().send('GET', `Subscription/${id}/$status`)).body).errors).toEqual([]);
  });

  test.each(['requested', 'active'])(
    'from error a client’s %s leads back at once: handshake, then what was missed; numbers go on',
    async (status) => {
      const receiver = await endpoint();
      const created = await client().create(topicSubscription({ endpoint: receiver.url() }));
      await client().untilStatus(created.id, 'active');
      await client().result();
      await receiver.waitFor(events);
      receiver.always(401);
      await client().result();
      const failed = await client().untilStatus(created.id, 'error');
      await client().result();
      // A probe of the hub, which may come at any moment, is refused still: a greeting must lead back.
      const taken: Received[] = [];
      receiver.always((request) => {
        if (taken.length === 0 && !handshake(request)) return 401;
        taken.push(request);
        return 200;
      });
      const answered = await put(failed, { status });
      expect(answered.body).toMatchObject({ status: 'requested' });
      expect(answered.body.error).toBeUndefined();
      await client().untilStatus(created.id, 'active');
      await waitFor(() => taken.length >= 3, { what: 'the greeting and two events' });
      expect(taken.filter(handshake)).toEqual(taken.slice(0, 1));
      expect(taken.slice(1).map(({ json }) => readNotification(json).events[0]!.number)).toEqual(['2', '3']);
    },
  );

  test('a new endpoint, header or filter is verified anew, a new reason is not; numbers go on', async () => {
    const [first, second] = [await endpoint(), await endpoint()];
    const created = await client().create(topicSubscription({ endpoint: first.url() }));
    const active = await client().untilStatus(created.id, 'active');
    await client().result();
    await first.waitFor(events);
    expect((await put(active, { reason: 'another' })).body.status).toBe('active');
    const moved = { ...active.channel, endpoint: second.url() };
    expect((await put(active, { channel: moved })).body.status).toBe('requested');
    await client().untilStatus(created.id, 'active');
    const headed = { ...moved, header: ['X-Key: 2'] };
    expect((await put(active, { channel: headed })).body.status).toBe('requested');
    await client().untilStatus(created.id, 'active');
    const [{ _criteria }] = [topicSubscription({ filters: ['Observation?code=http://loinc.org|1975-2'] })] as [
      { _criteria: object },
    ];
    expect((await put(active, { channel: headed, _criteria })).body.status).toBe('requested');
    await client().untilStatus(created.id, 'active');
    await client().result();
    await second.waitFor(events);
    expect(second.received.filter(handshake).map(({ headers }) => headers['x-key'])).toEqual([undefined, '2', '2']);
    expect(first.received.filter(handshake)).toHaveLength(1);
    expect([...numbersOf(first), ...numbersOf(second)]).toEqual([1, 2]);
  });

  test('another topic is another Subscription: a change of it is refused', async () => {
    const receiver = await endpoint();
    const created = await client().create(topicSubscription({ endpoint: receiver.url() }));
    const { status, body } = await put(created, { criteria: 'https://carillon.example/topics/order-placed' });
    expect({ status, expression: body.issue[0].expression }).toEqual({ status: 422, expression: ['Subscription.criteria'] });
  });

  test('while off nothing counts and nothing is sent; it stays readable and answers $status', async () => {
    const receiver = await endpoint();
    const created = await client().create(topicSubscription({ endpoint: receiver.url() }));
    const active = await client().untilStatus(created.id, 'active');
    await put(active, { status: 'off' });
    await client().result();
    const { body } = await client().send('GET', `Subscription/${created.id}/$status`);
    expect(readNotification(body)).toMatchObject({ status: 'off', total: '0' });
    await put(active, { status: 'requested' });
    await client().untilStatus(created.id, 'active');
    await client().result();
    await receiver.waitFor(events);
    expect(numbersOf(receiver)).toEqual([1]);
  });

  test('its end reached, it is off by itself, says why, stays readable and is sent nothing more', async () => {
    const receiver = await endpoint();
    const { id, end } = await client().createEnding(topicSubscription({ endpoint: receiver.url() }));
    const ended = await client().untilStatus(id, 'off');
    expect(ended).toMatchObject({ end, error: expect.stringContaining('end') });
    await client().result();
    expect(readNotification((await client().send('GET', `Subscription/${id}/$status`)).body)).toMatchObject({
      status: 'off',
      total: '0',
    });
    expect(numbersOf(receiver)).toEqual([]);
  });

  test('deleted, it is gone at once, while it fails as well', async () => {
    const [healthy, failing, marker] = [await endpoint(), await endpoint(), await endpoint()];
    const ids: string[] = [];
    for (const receiver of [healthy, failing, marker]) {
      const { id } = await client().create(topicSubscription({ endpoint: receiver.url() }));
      await client().untilStatus(id, 'active');
      ids.push(id);
    }
    failing.always(500);
    await client().result();
    await Promise.all([healthy, failing, marker].map((receiver) => receiver.waitFor(events)));
    for (const id of ids.slice(0, 2)) expect((await client().send('DELETE', `Subscription/${id}`)).status).toBe(204);
    failing.always(200);
    await client().result();
    await marker.waitForCount(2, events);
    expect(numbersOf(healthy)).toEqual([1]);
    expect(numbersOf(failing).every((number) => number === 1)).toBe(true);
    expect((await client().send('GET', `Subscription/${ids[0]}`)).status).toBe(410);
    expect((await client().send('GET', `Subscription/${ids[0]}/$status`)).status).toBe(404);
  });
});
