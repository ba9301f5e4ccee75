import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { cloneDatabase, type TestDatabase } from '../support/clone-database.js';
import { EndpointReceiver, type Received } from '../support/endpoint-receiver.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { classicSubscription, Client, type FaceName, readNotification, topicSubscription } from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';
import { WebsocketListener } from '../support/websocket-listener.js';

let hub: Hub;
let receiver: EndpointReceiver;
let database: TestDatabase;

beforeAll(async () => {
  database = await cloneDatabase();
  [hub, receiver] = await Promise.all([startHub({ database }), EndpointReceiver.start()]);
});
afterAll(async () => {
  await Promise.all([hub?.stop(), receiver?.close()]);
  await database?.drop();
});

const isEvents = (path: string) => (request: Received) =>
  request.path === path && readNotification(request.json).type === 'event-notification';
const numbersIn = (requests: Received[]) =>
  requests.flatMap(({ json }) => readNotification(json).events.map(({ number }) => Number(number)));

/** A Subscription on its own path that has been sent `events` events. */
async function served(client: Client, path: string, events: number, options: object = {}): Promise<string> {
  const patient = path.replace(/\W/g, '');
  const made = topicSubscription({
    endpoint: receiver.url(path),
    filters: [`Observation?patient=Patient/${patient}`],
    ...options,
  });
  const { id } = await client.create(made);
  await client.untilStatus(id, 'active');
  for (let n = 0; n < events; n++) await result(client, path);
  await waitFor(() => numbersIn(receiver.received.filter(isEvents(path))).length >= events, {
    what: `${events} events at ${path}`,
  });
  return id;
}

async function result(client: Client, path: string): Promise<void> {
  const subject = { reference: `Patient/${path.replace(/\W/g, '')}` };
  const coding = [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }];
  const body = { resourceType: 'Observation', status: 'final', category: [{ coding }], code: { text: 'x' }, subject };
  expect((await client.send('POST', 'Observation', body)).status).toBe(201);
}

describe.each<FaceName>(['r4b', 'r4'])('$resend in the face %s', (face) => {
  const client = () => new Client(hub, face);

  test('sends a range once more, in order, under its own numbers, and moves nothing', async () => {
    const path = `/range-${face}`;
    const id = await served(client(), path, 4);
    const before = receiver.received.filter(isEvents(path));
    const { status, body } = await client().send('POST', `Subscription/${id}/$resend`, {
      resourceType: 'Parameters',
      parameter: [
        { name: 'eventsSinceNumber', valueString: '2' },
        { name: 'eventsUntilNumber', valueString: '3' },
      ],
    });
    expect({ status, type: body.resourceType, severity: body.issue[0].severity }).toEqual({
      status: 200,
      type: 'OperationOutcome',
      severity: 'information',
    });
    await waitFor(() => receiver.received.filter(isEvents(path)).length >= 6, { what: 'two events again' });
    const again = receiver.received.filter(isEvents(path)).slice(4);
    expect(numbersIn(again)).toEqual([2, 3]);
    // A repetition is known by the id of the notification that it repeats.
    expect(again.map(({ headers }) => headers['webhook-id'])).toEqual(
      [1, 2].map((index) => before[index]!.headers['webhook-id']),
    );
    expect(readNotification(again[0]!.json).events[0]!.focus).toBe(readNotification(before[1]!.json).events[0]!.focus);
    await result(client(), path);
    await waitFor(() => receiver.received.filter(isEvents(path)).length >= 7, { what: 'the next event' });
    expect(numbersIn(receiver.received.filter(isEvents(path)).slice(6))).toEqual([5]);
    expect(readNotification({ entry: (await client().send('GET', `Subscription/${id}/$status`)).body.entry }).total).toBe('5');
  });

  test('takes instants, and no bounds at all, by GET', async () => {
    const path = `/instants-${face}`;
    const id = await served(client(), path, 3);
    const events = receiver.received.filter(isEvents(path)).map(({ json }) => readNotification(json).events[0]!);
    const [since, until] = [events[1]!.timestamp!, events[2]!.timestamp!];
    const range = `eventsSinceInstant=${encodeURIComponent(since)}&eventsUntilInstant=${encodeURIComponent(until)}`;
    expect((await client().send('GET', `Subscription/${id}/$resend?${range}`)).status).toBe(200);
    await waitFor(() => receiver.received.filter(isEvents(path)).length >= 5, { what: 'two events again' });
    expect((await client().send('GET', `Subscription/${id}/$resend`)).status).toBe(200);
    await waitFor(() => receiver.received.filter(isEvents(path)).length >= 8, { what: 'all events again' });
    expect(numbersIn(receiver.received.filter(isEvents(path)).slice(3))).toEqual([2, 3, 1, 2, 3]);
  });

  test('goes to whoever is bound to a websocket', async () => {
    const path = `/socket-${face}`;
    const { id } = await client().create(
      topicSubscription({ type: 'websocket', filters: [`Observation?patient=Patient/socket${face}`] }),
    );
    const token = (await client().send('GET', `Subscription/${id}/$get-ws-binding-token`)).body.parameter[0].valueString;
    const listener = await WebsocketListener.open(`${hub.url.replace('http', 'ws')}/ws`);
    try {
      listener.say(`bind-with-token ${token}`);
      await waitFor(() => listener.bundles.length >= 1, { what: 'the handshake' });
      for (let n = 0; n < 3; n++) await result(client(), path);
      await waitFor(() => listener.bundles.length >= 4, { what: 'three events' });
      expect((await client().send('GET', `Subscription/${id}/$resend?eventsSinceNumber=2`)).status).toBe(200);
      await waitFor(() => listener.bundles.length >= 6, { what: 'two events again' });
      const numbers = listener.bundles.slice(1).map((bundle) => readNotification(bundle).events[0]!.number);
      expect(numbers).toEqual(['1', '2', '3', '2', '3']);
    } finally {
      await listener.close();
    }
  });
});

test('outlives the hub: what was asked before a crash is sent after it', async () => {
  const client = () => new Client(hub);
  const path = '/crash';
  const id = await served(client(), path, 3);
  await untilAcknowledged(id, 3);
  receiver.always((request) => (request.path === path ? 503 : 200));
  const before = receiver.received.length;
  expect((await client().send('GET', `Subscription/${id}/$resend?eventsSinceNumber=1`)).status).toBe(200);
  await waitFor(() => receiver.received.slice(before).some(isEvents(path)), { what: 'the first try of it' });
  await hub.kill();
  receiver.always(200);
  receiver.clear();
  hub = await startHub({ database, port: hub.port });
  const sentAgain = () => numbersIn(receiver.received.filter(isEvents(path)));
  await waitFor(() => sentAgain().includes(3), { what: 'three events again' });
  expect(sentAgain()).toEqual([1, 2, 3]);
});

/** What a hub had sent and not yet written down when it is killed would come once more. */
async function untilAcknowledged(id: string, number: number): Promise<void> {
  const connection = new pg.Client({ connectionString: database.url });
  await connection.connect();
  const cursor = async () =>
    (
      await connection.query<{ acknowledged: string }>(
        'SELECT acknowledged FROM subscription_cursor WHERE subscription_id = $1',
        [id],
      )
    ).rows[0]?.acknowledged;
  await waitFor(async () => Number(await cursor()) === number, { what: 'what was sent to be written down' });
  await connection.end();
}

test('an event that the endpoint refuses again is passed over, and the Subscription stays active', async () => {
  const client = new Client(hub);
  const path = '/refuses';
  const id = await served(client, path, 3);
  receiver.always((request) => (isEvents(path)(request) && numbersIn([request])[0] === 2 ? 422 : 200));
  expect((await client.send('GET', `Subscription/${id}/$resend?eventsSinceNumber=2`)).status).toBe(200);
  await waitFor(() => numbersIn(receiver.received.filter(isEvents(path))).filter((number) => number === 3).length === 2, {
    what: 'event 3 again',
  });
  receiver.always(200);
  expect((await client.read(id)).status).toBe('active');
});

describe('refused', () => {
  let id: string;
  let off: string;
  beforeAll(async () => {
    const client = new Client(hub);
    id = await served(client, '/refused', 2);
    off = (await client.create(classicSubscription(receiver.url('/off')))).id;
    await client.send('PUT', `Subscription/${off}`, { ...(await client.read(off)), status: 'off' });
  });

  test.each([
    ['Subscription/ID/$resend?eventsSinceNumber=x', 400],
    ['Subscription/ID/$resend?eventsSinceNumber=2&eventsUntilNumber=1', 400],
    ['Subscription/ID/$resend?eventsSinceNumber=3', 400],
    ['Subscription/ID/$resend?eventsSinceInstant=yesterday', 400],
    ['Subscription/ID/$resend?eventsSinceInstant=2026-01-02T00:00:00Z&eventsUntilInstant=2026-01-01T00:00:00Z', 400],
    ['Subscription/ID/$resend?eventsUntilInstant=2001-01-01T00:00:00Z', 404],
    ['Subscription/ID/$resend?surprise=1', 400],
    ['Subscription/unknown/$resend', 404],
    ['Subscription/OFF/$resend', 409],
  ])('%s with %i', async (path, code) => {
    const { status, body } = await new Client(hub).send('GET', path.replace('ID', id).replace('OFF', off));
    expect({ status, type: body.resourceType }).toEqual({ status: code, type: 'OperationOutcome' });
  });

  test('more requests than can sensibly wait', async () => {
    const client = new Client(hub);
    receiver.always((request) => (request.path === '/refused' ? { kind: 'stall' } : 200));
    const codes: number[] = [];
    for (let n = 0; n < 14; n++) codes.push((await client.send('GET', `Subscription/${id}/$resend`)).status);
    receiver.always(200);
    receiver.cutConnections();
    expect(codes.slice(0, 10)).toEqual(new Array(10).fill(200));
    expect(codes.at(-1)).toBe(429);
  });
});
