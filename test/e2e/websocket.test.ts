import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { type ExpectedNotification, notificationFaults } from '../support/check-notification.js';
import { cloneDatabase, type TestDatabase } from '../support/clone-database.js';
import { type Hub, startHub } from '../support/start-hub.js';
import {
  classicSubscription,
  Client,
  type FaceName,
  LAB_TOPIC,
  readNotification,
  topicSubscription,
} from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';
import { WebsocketListener } from '../support/websocket-listener.js';

const TOKEN_SECONDS = 600;
let hub: Hub;
let database: TestDatabase;

beforeAll(async () => {
  database = await cloneDatabase();
  hub = await startHub({ database, env: { WEBSOCKET_TOKEN_SECONDS: String(TOKEN_SECONDS) } });
});
afterAll(async () => {
  await hub?.stop();
  await database?.drop();
});

const open = () => WebsocketListener.open(`${hub.url.replace('http', 'ws')}/ws`);
const read = (listener: WebsocketListener) => listener.bundles.map(readNotification);

async function token(
  client: Client,
  path: string,
  body?: object,
): Promise<{ token: string; url: string; expiration: string; ids: string[] }> {
  const { status, body: answer } = await client.send(body ? 'POST' : 'GET', path, body);
  expect(status).toBe(200);
  const value = (name: string, kind: string) =>
    answer.parameter
      .filter((parameter: { name: string }) => parameter.name === name)
      .map((parameter: Record<string, string>) => parameter[kind]);
  return {
    token: value('token', 'valueString')[0],
    url: value('websocket-url', 'valueUrl')[0],
    expiration: value('expiration', 'valueDateTime')[0],
    ids: value('subscription', 'valueString'),
  };
}

describe.each<FaceName>(['r4b', 'r4'])('the FHIR websocket in the face %s', (face) => {
  test('a token binds: handshake first, then what was missed, then what comes', async () => {
    const client = new Client(hub, face);
    const { id, status } = await client.create(topicSubscription({ type: 'websocket', content: 'full-resource' }));
    expect(status).toBe('active');
    await client.result();
    const issued = await token(client, `Subscription/${id}/$get-ws-binding-token`);
    expect(issued).toMatchObject({ url: `${hub.url.replace('http', 'ws')}/ws`, ids: [`${client.base}/Subscription/${id}`] });
    const left = (Date.parse(issued.expiration) - Date.now()) / 1000;
    expect(left).toBeGreaterThan(TOKEN_SECONDS / 2);
    expect(left).toBeLessThanOrEqual(TOKEN_SECONDS);

    const listener = await open();
    listener.say(`bind-with-token ${issued.token}`);
    await waitFor(() => listener.frames.length >= 2, { what: 'handshake and missed event' });
    await client.result();
    await waitFor(() => listener.frames.length >= 3, { what: 'the live event' });
    expect(read(listener).map(({ type, events }) => [type, events.map(({ number }) => number)])).toEqual([
      ['handshake', []],
      ['event-notification', ['1']],
      ['event-notification', ['2']],
    ]);
    expect(listener.bundles[1].entry[1].resource.resourceType).toBe('Observation');
    await listener.close();

    await client.result();
    const again = await open();
    again.say(`bind-with-token: ${(await token(client, `Subscription/${id}/$get-ws-binding-token`)).token}`);
    await waitFor(() => again.frames.length >= 2, { what: 'what was missed between the sockets' });
    expect(read(again)[1]!.events.map(({ number }) => number)).toEqual(['3']);
    await again.close();
  });
});

describe.each<FaceName>(['r4b', 'r4'])('in the face %s', (face) => {
  const client = () => new Client(hub, face);
  const issue = (id: string) => token(client(), `Subscription/${id}/$get-ws-binding-token`);

  test.each(['empty', 'id-only', 'full-resource'] as const)('frames of level %s are as the standard says', async (level) => {
    const { id } = await client().create(topicSubscription({ type: 'websocket', content: level, heartbeat: 1 }));
    const listener = await open();
    listener.say(`bind-with-token ${(await issue(id)).token}`);
    await waitFor(() => listener.frames.length >= 1, { what: 'the handshake' });
    await client().result();
    await waitFor(() => read(listener).some(({ type, total }) => type === 'heartbeat' && total === '1'), { what: 'a heartbeat' });
    const subject = { face, base: client().base, subscription: id, topic: LAB_TOPIC, level };
    for (const bundle of listener.bundles) {
      const type = readNotification(bundle).type as ExpectedNotification['type'];
      expect(notificationFaults(bundle, { ...subject, type })).toEqual([]);
    }
    expect(new Set(read(listener).map(({ type }) => type))).toEqual(new Set(['handshake', 'event-notification', 'heartbeat']));
    await listener.close();
  });

  test('a new token on the same socket brings a new handshake, and no event twice', async () => {
    const { id } = await client().create(topicSubscription({ type: 'websocket' }));
    const listener = await open();
    listener.say(`bind-with-token ${(await issue(id)).token}`);
    await waitFor(() => listener.frames.length >= 1);
    await client().result();
    await waitFor(() => listener.frames.length >= 2);
    listener.say(`bind-with-token ${(await issue(id)).token}`);
    await waitFor(() => listener.frames.length >= 3);
    await client().result();
    await waitFor(() => listener.frames.length >= 4);
    expect(read(listener).map(({ type, total }) => [type, total])).toEqual([
      ['handshake', '0'],
      ['event-notification', '1'],
      ['handshake', '1'],
      ['event-notification', '2'],
    ]);
    await listener.close();
  });

  test('while off nothing comes over the socket; once requested it goes on; deleted, the socket is told and closed', async () => {
    const created = await client().create(topicSubscription({ type: 'websocket' }));
    const other = await client().create(topicSubscription({ type: 'websocket', content: 'empty' }));
    const put = (status: string) => client().send('PUT', `Subscription/${created.id}`, { ...created, status });
    const [listener, marker] = [await open(), await open()];
    listener.say(`bind-with-token ${(await issue(created.id)).token}`);
    marker.say(`bind-with-token ${(await issue(other.id)).token}`);
    await waitFor(() => listener.frames.length >= 1 && marker.frames.length >= 1);
    await put('off');
    await client().result();
    await waitFor(() => marker.frames.length >= 2);
    expect((await put('requested')).body.status).toBe('active');
    await client().result();
    await waitFor(() => read(listener).some(({ events }) => events.length > 0), { what: 'the next event' });
    expect(read(listener).flatMap(({ events }) => events.map(({ number }) => number))).toEqual(['1']);
    await client().send('DELETE', `Subscription/${created.id}`);
    await waitFor(() => listener.closed, { what: 'the close' });
    expect(listener.bundles.at(-1).resourceType).toBe('OperationOutcome');
    await marker.close();
  });

  test('classic: bound and ping, nothing else, also when the Subscription is deleted', async () => {
    const { id, status } = await client().create(classicSubscription(undefined, { type: 'websocket' }));
    expect(status).toBe('active');
    const listener = await open();
    listener.say(`bind ${id}`);
    await waitFor(() => listener.frames.length >= 1);
    await client().result();
    await waitFor(() => listener.frames.length >= 2);
    await client().send('DELETE', `Subscription/${id}`);
    await waitFor(() => listener.closed, { what: 'the close' });
    expect(listener.frames).toEqual([`bound ${id}`, `ping ${id}`]);
  });
});

test('one token may be for several Subscriptions, asked for by GET, by POST and by JSON frame', async () => {
  const client = new Client(hub);
  const ids: string[] = [];
  for (let n = 0; n < 3; n += 1) ids.push((await client.create(topicSubscription({ type: 'websocket' }))).id);
  const byGet = await token(client, `Subscription/$get-ws-binding-token?id=${ids[0]},${ids[1]}&id=${ids[2]}`);
  expect(byGet.ids).toHaveLength(3);
  const byPost = await token(client, 'Subscription/$get-ws-binding-token', {
    resourceType: 'Parameters',
    parameter: ids.map((id) => ({ name: 'id', valueId: id })),
  });
  const listener = await open();
  listener.say(JSON.stringify({ type: 'bind-with-token', payload: { token: byPost.token } }));
  await waitFor(() => listener.frames.length >= 3, { what: 'three handshakes' });
  expect(
    read(listener)
      .map(({ subscription }) => subscription.split('/').at(-1))
      .sort(),
  ).toEqual([...ids].sort());
  await client.result();
  await waitFor(() => listener.frames.length >= 6, { what: 'an event for each' });
  await listener.close();
});

test('a client that says the number of its last event gets what is behind it, whatever else was sent; each Subscription has its own', async () => {
  const client = new Client(hub);
  const ids: string[] = [];
  for (let n = 0; n < 2; n += 1) ids.push((await client.create(topicSubscription({ type: 'websocket' }))).id);
  const [one, two] = ids as [string, string];
  const bindTo = async (after: unknown, of: readonly string[]) => {
    const issued = await token(client, `Subscription/$get-ws-binding-token?id=${of.join(',')}`);
    const listener = await open();
    listener.say(JSON.stringify({ type: 'bind-with-token', payload: { token: issued.token, after } }));
    return listener;
  };
  const numbersOf = (listener: WebsocketListener, id: string) =>
    read(listener)
      .filter(({ subscription }) => subscription.endsWith(id))
      .flatMap(({ events }) => events.map(({ number }) => number));
  for (let n = 0; n < 3; n += 1) await client.result();
  for (const id of ids) await client.untilTotal(id, 3);

  const first = await bindTo(1, [one]);
  await waitFor(() => numbersOf(first, one).length >= 2, { what: 'the events behind the first' });
  const both = await bindTo({ [one]: 0, [two]: 2 }, ids);
  await waitFor(() => numbersOf(both, one).length >= 3 && numbersOf(both, two).length >= 1, { what: 'what each is behind' });
  const future = await bindTo(99, [two]);
  await waitFor(() => future.frames.length >= 1, { what: 'the handshake' });
  await client.result();
  await waitFor(() => [first, both, future].every((listener) => read(listener).some(({ total }) => total === '4')));
  await waitFor(() => numbersOf(both, two).includes('4') && numbersOf(both, one).includes('4'));
  expect(numbersOf(first, one)).toEqual(['2', '3', '4']);
  expect([numbersOf(both, one), numbersOf(both, two)]).toEqual([
    ['1', '2', '3', '4'],
    ['3', '4'],
  ]);
  // A number that was never given out skips nothing of what comes.
  expect(numbersOf(future, two)).toEqual(['4']);

  const refused = await bindTo(1, ids);
  await waitFor(() => refused.closed, { what: 'the close' });
  expect(refused.closed!.code).toBe(4401);
  expect(refused.bundles[0].issue[0].diagnostics).toContain('after');
  for (const listener of [first, both, future]) await listener.close();
});

test('a socket whose Subscription gets another channel is told, and closed', async () => {
  const client = new Client(hub);
  const created = await client.create(topicSubscription({ type: 'websocket' }));
  const listener = await open();
  listener.say(`bind-with-token ${(await token(client, `Subscription/${created.id}/$get-ws-binding-token`)).token}`);
  await waitFor(() => listener.frames.length >= 1, { what: 'the handshake' });
  const { status } = await client.send('PUT', `Subscription/${created.id}`, {
    ...topicSubscription({ endpoint: 'http://127.0.0.1:9/nobody' }),
    id: created.id,
  });
  expect(status).toBe(200);
  await waitFor(() => listener.closed, { what: 'the close' });
  expect(listener.bundles.at(-1)).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ code: 'deleted' }] });
});

test('a token that is unknown, used or too old gets an OperationOutcome and a close', async () => {
  const client = new Client(hub);
  const { id } = await client.create(topicSubscription({ type: 'websocket' }));
  const used = await token(client, `Subscription/${id}/$get-ws-binding-token`);
  const first = await open();
  first.say(`bind-with-token ${used.token}`);
  await waitFor(() => first.frames.length >= 1);
  const old = await token(client, `Subscription/${id}/$get-ws-binding-token`);
  // Its minutes are not waited for.
  const connection = new pg.Client({ connectionString: database.url });
  await connection.connect();
  await connection.query(`UPDATE websocket_token SET expires = now() - interval '1 second'`);
  await connection.end();
  for (const word of ['nonsense', used.token, old.token]) {
    const listener = await open();
    listener.say(`bind-with-token ${word}`);
    await waitFor(() => listener.closed, { what: 'the close' });
    expect(listener.closed!.code).toBe(4401);
    expect(listener.bundles.map(({ resourceType }) => resourceType)).toEqual(['OperationOutcome']);
  }
  await first.close();
});

test('no token for a Subscription that is no websocket, that does not exist, or that is not named', async () => {
  const client = new Client(hub);
  const { id } = await client.create(classicSubscription('http://127.0.0.1:9/nobody'));
  expect((await client.send('GET', `Subscription/${id}/$get-ws-binding-token`)).status).toBe(400);
  expect((await client.send('GET', 'Subscription/unknown/$get-ws-binding-token')).status).toBe(404);
  expect((await client.send('GET', 'Subscription/$get-ws-binding-token')).status).toBe(400);
});

test('what it does not understand is answered with an OperationOutcome; a frame too long ends the socket', async () => {
  const client = new Client(hub);
  const { id } = await client.create(topicSubscription({ type: 'websocket' }));
  const listener = await open();
  for (const text of ['hello', 'bind', '{"type":"bind-with-token"}', '{', `bind ${id}`, 'bind not-there', '\0'])
    listener.say(text);
  await waitFor(() => listener.frames.length >= 7, { what: 'an answer for each' });
  expect(new Set(listener.bundles.map(({ resourceType }) => resourceType))).toEqual(new Set(['OperationOutcome']));
  listener.say('x'.repeat(20_000));
  await waitFor(() => listener.closed, { what: 'the close' });
});

test('an idle socket gets heartbeats', async () => {
  const client = new Client(hub);
  const { id } = await client.create(topicSubscription({ type: 'websocket', heartbeat: 1 }));
  const listener = await open();
  listener.say(`bind-with-token ${(await token(client, `Subscription/${id}/$get-ws-binding-token`)).token}`);
  await waitFor(() => listener.frames.length >= 3, { what: 'two heartbeats' });
  expect(
    read(listener)
      .slice(0, 3)
      .map(({ type }) => type),
  ).toEqual(['handshake', 'heartbeat', 'heartbeat']);
  await listener.close();
});

test('a stop of the hub closes sockets with a word', async () => {
  const other = await startHub();
  const listener = await WebsocketListener.open(`${other.url.replace('http', 'ws')}/ws`);
  await other.stop();
  await waitFor(() => listener.closed, { what: 'the close' });
  expect(listener.closed!.code).toBe(1001);
});
