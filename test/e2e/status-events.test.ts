import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { EndpointReceiver } from '../support/endpoint-receiver.js';
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

let hub: Hub;
let receiver: EndpointReceiver;
let full: string;
let idOnly: string;
let off: string;

beforeAll(async () => {
  [hub, receiver] = await Promise.all([startHub(), EndpointReceiver.start()]);
  const client = new Client(hub);
  full = (await client.create(topicSubscription({ endpoint: receiver.url('/full'), content: 'full-resource' }))).id;
  idOnly = (await client.create(topicSubscription({ endpoint: receiver.url('/id'), content: 'id-only' }))).id;
  off = (await client.create(classicSubscription(receiver.url('/off')))).id;
  for (const id of [full, idOnly]) await client.untilStatus(id, 'active');
  await client.send('PUT', `Subscription/${off}`, { ...(await client.read(off)), status: 'off' });
  for (let value = 1; value <= 5; value += 1) await client.result(value);
  await waitFor(async () => (await status(client, `Subscription/${idOnly}/$status`))[0]!.total === '5');
});
afterAll(async () => {
  await Promise.all([hub?.stop(), receiver?.close()]);
});

async function status(client: Client, path: string, body?: object): Promise<ReturnType<typeof readNotification>[]> {
  const { status: code, body: bundle } = await client.send(body ? 'POST' : 'GET', path, body);
  expect(code).toBe(200);
  expect(bundle).toMatchObject({ resourceType: 'Bundle', type: 'searchset', total: bundle.entry?.length ?? 0 });
  return (bundle.entry ?? []).map((entry: object) => {
    expect(entry).not.toHaveProperty('request');
    expect(entry).toHaveProperty('search', { mode: 'match' });
    return readNotification({ entry: [entry] });
  });
}

const idOf = ({ subscription }: { subscription: string }) => subscription.split('/').at(-1)!;

describe.each<FaceName>(['r4b', 'r4'])('in the face %s', (face) => {
  const client = () => new Client(hub, face);

  test('$status of one Subscription tells status, total and topic, and ignores ids and statuses', async () => {
    const [one, ...more] = await status(client(), `Subscription/${full}/$status?id=${idOnly}&status=off`);
    expect(more).toEqual([]);
    expect(one).toMatchObject({ type: 'query-status', status: 'active', total: '5', topic: LAB_TOPIC, events: [] });
    expect(one!.subscription).toBe(`${client().base}/Subscription/${full}`);
  });

  test('$status of several takes lists and repetitions, by GET and by POST; ids and statuses must both hold', async () => {
    const ids = async (path: string, body?: object) => (await status(client(), path, body)).map(idOf).sort();
    expect(await ids(`Subscription/$status?id=${full},${idOnly}`)).toEqual([full, idOnly].sort());
    expect(await ids(`Subscription/$status?id=${full}&id=${off}`)).toEqual([full, off].sort());
    expect(await ids(`Subscription/$status?status=off,error`)).toEqual([off]);
    expect(await ids(`Subscription/$status?id=${full}&status=off`)).toEqual([]);
    expect(await ids('Subscription/$status')).toEqual([full, idOnly, off].sort());
    const parameter = [
      { name: 'id', valueId: full },
      { name: 'id', valueId: off },
      { name: 'status', valueCode: 'off' },
    ];
    expect(await ids('Subscription/$status', { resourceType: 'Parameters', parameter })).toEqual([off]);
  });

  test('$events has inclusive bounds, by GET and by POST, and tells the total of the Subscription', async () => {
    const { body } = await client().send('GET', `Subscription/${full}/$events?eventsSinceNumber=2&eventsUntilNumber=4`);
    expect(body).toMatchObject({ type: 'history' });
    expect(readNotification(body)).toMatchObject({ type: 'query-event', total: '5' });
    expect(readNotification(body).events.map(({ number }) => number)).toEqual(['2', '3', '4']);
    expect(body.entry).toHaveLength(4);
    const posted = await client().send('POST', `Subscription/${full}/$events`, {
      resourceType: 'Parameters',
      parameter: [{ name: 'eventsSinceNumber', valueString: '5' }],
    });
    expect(readNotification(posted.body).events.map(({ number }) => number)).toEqual(['5']);
    expect(readNotification((await client().send('GET', `Subscription/${full}/$events`)).body).events).toHaveLength(5);
  });

  test('$events never tells more than was granted, and less where less is asked for', async () => {
    const more = (await client().send('GET', `Subscription/${idOnly}/$events?content=full-resource`)).body;
    expect(more.entry).toHaveLength(1);
    expect(readNotification(more).events[0]!.focus).toBeDefined();
    const less = (await client().send('GET', `Subscription/${full}/$events?content=empty`)).body;
    expect(less.entry).toHaveLength(1);
    expect(readNotification(less).events[0]!.focus).toBeUndefined();
  });
});

test('a range beyond the last event holds the status alone', async () => {
  const { status: code, body } = await new Client(hub).send('GET', `Subscription/${full}/$events?eventsSinceNumber=6`);
  expect(code).toBe(200);
  expect(body.entry).toHaveLength(1);
  expect(readNotification(body)).toMatchObject({ total: '5', events: [] });
});

test.each([
  ['Subscription/FULL/$events?eventsSinceNumber=x', 400],
  ['Subscription/FULL/$events?eventsSinceNumber=-1', 400],
  ['Subscription/FULL/$events?eventsSinceNumber=4&eventsUntilNumber=3', 400],
  ['Subscription/FULL/$events?eventsSinceNumber=1&eventsSinceNumber=2', 400],
  ['Subscription/FULL/$events?content=all', 400],
  ['Subscription/FULL/$events?surprise=1', 400],
  ['Subscription/unknown/$events', 404],
  ['Subscription/unknown/$status', 404],
  ['Subscription/$status?status=asleep', 400],
])('%s is refused with %i', async (path, code) => {
  const { status: answered, body } = await new Client(hub).send('GET', path.replace('FULL', full));
  expect(answered).toBe(code);
  expect(body.resourceType).toBe('OperationOutcome');
});
