import { afterEach, expect, test } from '@jest/globals';
import { cloneDatabase, type TestDatabase } from '../support/clone-database.js';
import { EndpointReceiver, type Received } from '../support/endpoint-receiver.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { Client, isOfType, readNotification, topicSubscription } from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';

const hubs: Hub[] = [];
const receivers: EndpointReceiver[] = [];
const databases: TestDatabase[] = [];

afterEach(async () => {
  await Promise.all(hubs.splice(0).map((hub) => hub.stop()));
  await Promise.all(receivers.splice(0).map((receiver) => receiver.close()));
  for (const database of databases.splice(0)) await database.drop();
});

async function start(database: TestDatabase): Promise<Hub> {
  const hub = await startHub({ database, env: { DELIVERY_BACKOFF_MILLISECONDS: '150' } });
  hubs.push(hub);
  return hub;
}

async function given(): Promise<{ database: TestDatabase; receiver: EndpointReceiver }> {
  const [database, receiver] = await Promise.all([cloneDatabase(), EndpointReceiver.start()]);
  databases.push(database);
  receivers.push(receiver);
  return { database, receiver };
}

const events = isOfType('event-notification');
const numberOf = (request: Received) => Number(readNotification(request.json).events[0]!.number);
const firstArrivals = (requests: Received[]) => [...new Set(requests.filter(events).map(numberOf))];
const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

test('kill -9 between send and acknowledge: nothing is lost, numbers are gapless, a repetition bears the same id', async () => {
  const { database, receiver } = await given();
  const first = await start(database);
  const client = new Client(first);
  const ids: string[] = [];
  for (let n = 0; n < 3; n += 1) {
    const { id } = await client.create(topicSubscription({ endpoint: receiver.url(`/${n}`) }));
    await client.untilStatus(id, 'active');
    ids.push(id);
  }
  let killed: Promise<void> | undefined;
  receiver.always((request) => {
    // The moment an endpoint has taken the event, before the hub can have read the answer.
    if (events(request) && numberOf(request) === 10) killed ??= first.kill();
    return 200;
  });
  let written = 0;
  while (!killed && written < 200) {
    await client.result(written).then(
      () => (written += 1),
      () => {},
    );
  }
  await waitFor(() => killed !== undefined, { what: 'the tenth event' });
  await killed;

  const next = await start(database);
  const after = new Client(next);
  for (let more = 0; more < 5; more += 1) await after.result();
  for (const [n, id] of ids.entries()) {
    const { total } = readNotification((await after.send('GET', `Subscription/${id}/$status`)).body);
    await waitFor(() => firstArrivals(receiver.to(`/${n}`)).includes(Math.max(Number(total), written + 5)), {
      milliseconds: 60_000,
      what: `event ${total} at /${n}`,
    });
    const arrived = firstArrivals(receiver.to(`/${n}`));
    expect(arrived).toEqual(upTo(arrived.length));
    expect(arrived.length).toBeGreaterThanOrEqual(written + 5);
    for (const request of receiver.to(`/${n}`).filter(events)) {
      expect(request.headers['webhook-id']).toContain(`${id}.${numberOf(request)}-${numberOf(request)}.`);
    }
  }
});

test('two hubs share the work of one database; when one is killed the other takes over its part', async () => {
  const { database, receiver } = await given();
  const one = await start(database);
  const two = await start(database);
  const client = new Client(one);
  const count = 12;
  for (let n = 0; n < count; n += 1) await client.create(topicSubscription({ endpoint: receiver.url(`/${n}`) }));
  await receiver.waitForCount(count, isOfType('handshake'));
  await waitFor(() => /shards-released/.test(one.output()) && /shards-taken/.test(two.output()), {
    milliseconds: 60_000,
    what: 'the shards to be shared',
  });
  await client.result();
  await receiver.waitForCount(count, events);
  await two.kill();
  await client.result();
  // What the killed one had sent but not yet written down may come twice.
  const paths = Array.from({ length: count }, (_, n) => `/${n}`);
  await waitFor(() => paths.every((path) => firstArrivals(receiver.to(path)).length === 2), {
    milliseconds: 60_000,
    what: 'the second event at every endpoint',
  });
  for (const path of paths) expect(firstArrivals(receiver.to(path))).toEqual([1, 2]);
});

test('the endpoint cuts, half-closes, drips and stalls: every event arrives, in order', async () => {
  const { database, receiver } = await given();
  const hub = await start(database);
  const client = new Client(hub);
  receiver.next(500, { kind: 'drop' });
  const { id } = await client.create(topicSubscription({ endpoint: receiver.url(), timeout: 1 }));
  await client.untilStatus(id, 'active');
  receiver.next({ kind: 'drop' }, { kind: 'half-answer', status: 500 }, { kind: 'stall' });
  await client.result();
  await client.result();
  await waitFor(() => firstArrivals(receiver.received).length === 2, { milliseconds: 60_000, what: 'both events' });
  receiver.next({ kind: 'drip', status: 200 });
  await client.result();
  await client.result();
  await waitFor(() => firstArrivals(receiver.received).length === 4, { milliseconds: 60_000, what: 'all events' });
  expect(firstArrivals(receiver.received)).toEqual([1, 2, 3, 4]);
});
