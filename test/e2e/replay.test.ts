import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Database } from '../../src/storage/database.js';
import { PostgresRetention } from '../../src/storage/retention.js';
import { type OpenClone, openClone } from '../support/open-clone.js';
import { EndpointReceiver, type Received } from '../support/endpoint-receiver.js';
import { partsOf, type Parts } from '../support/parameters.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { Client, type FaceName, labResult, readNotification, topicSubscription } from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';

let hub: Hub;
let receiver: EndpointReceiver;
let clone: OpenClone;
let database: Database;

const env = { DELIVERY_BACKOFF_MILLISECONDS: '20' };

beforeAll(async () => {
  clone = await openClone(2);
  database = clone.database;
  [hub, receiver] = await Promise.all([startHub({ database: clone, env }), EndpointReceiver.start()]);
});
afterAll(async () => {
  await Promise.all([hub?.stop(), receiver?.close()]);
  await clone?.drop();
});

const isEvents = (path: string) => (request: Received) =>
  request.path === path && readNotification(request.json).type === 'event-notification';
const numberOf = ({ json }: Received) => Number(readNotification(json).events[0]!.number);
const at = (path: string) => receiver.received.filter(isEvents(path));
const numbersAt = (path: string) => at(path).map(numberOf);
const replayed = (path: string) => at(path).filter(({ headers }) => headers['carillon-replay'] !== undefined);

const result = (client: Client, path: string) =>
  client.create(labResult(1, { subject: { reference: `Patient/${path.replace(/\W/g, '')}` } }), 'Observation');

/** A Subscription on its own path with `events` events behind it; `parked` are refused for good. */
async function served(
  client: Client,
  path: string,
  events: number,
  parked: number[] = [],
  options: object = {},
): Promise<string> {
  const filters = [`Observation?patient=Patient/${path.replace(/\W/g, '')}`];
  const { id } = await client.create(topicSubscription({ endpoint: receiver.url(path), filters, ...options }));
  await client.untilStatus(id, 'active');
  receiver.always((request) => (isEvents(path)(request) && parked.includes(numberOf(request)) ? 422 : 200));
  for (let n = 0; n < events; n++) await result(client, path);
  await waitFor(() => numbersAt(path).includes(events), { what: `${events} events at ${path}` });
  return id;
}

const operation = (client: Client, method: string, id: string, name: string, values: Record<string, unknown> = {}) => {
  if (method === 'GET')
    return client.send('GET', `Subscription/${id}/${name}?${new URLSearchParams(values as never).toString()}`);
  const parameter = Object.entries(values).map(([key, value]) => ({
    name: key,
    ...(typeof value === 'boolean'
      ? { valueBoolean: value }
      : typeof value === 'number'
        ? { valueDecimal: value }
        : { valueString: value }),
  }));
  return client.send('POST', `Subscription/${id}/${name}`, { resourceType: 'Parameters', parameter });
};

async function replay(client: Client, id: string, values: Record<string, unknown> = {}): Promise<Parts> {
  const { status, body } = await operation(client, 'POST', id, '$replay', values);
  expect({ status, issue: body.issue }).toEqual({ status: 200, issue: undefined });
  return partsOf(body, 'replay')[0]!;
}

async function statusOf(client: Client, id: string, replayId: unknown): Promise<Parts> {
  const { body } = await operation(client, 'GET', id, '$replay-status', { replay: replayId });
  return partsOf(body, 'replay')[0]!;
}

const until = (client: Client, id: string, replayId: unknown, state: string) =>
  waitFor(
    async () => {
      const now = await statusOf(client, id, replayId);
      return now['state'] === state && now;
    },
    { what: `replay ${String(replayId)} to be ${state}`, milliseconds: 60_000 },
  );

const acknowledged = async (id: string) => {
  const text = 'SELECT acknowledged FROM subscription_cursor WHERE subscription_id = $1';
  return Number((await database.rows<{ acknowledged: bigint }>({ text }, [id]))[0]?.acknowledged);
};

const letters = async (client: Client, id: string, values: Record<string, unknown> = {}) =>
  partsOf((await operation(client, 'GET', id, '$dead-letters', values)).body, 'letter');

describe.each<FaceName>(['r4b', 'r4'])('$replay in the face %s', (face) => {
  test('sends a range again under its numbers and ids, marked, and says how far it has come', async () => {
    const client = new Client(hub, face);
    const path = `/replay-${face}`;
    const id = await served(client, path, 4);
    const before = at(path);
    const asked = await replay(client, id, { eventsSinceNumber: '2', eventsUntilNumber: '3' });
    expect(asked).toMatchObject({
      kind: 'replay',
      state: 'waiting',
      first: 2,
      last: 3,
      next: 2,
      events: 2,
      sent: 0,
      failedOnly: false,
    });
    const done = await until(client, id, asked['id'], 'done');
    expect(done).toMatchObject({ next: 4, sent: 2, refused: 0, gone: 0 });
    expect(Date.parse(String(done['finishedAt']))).toBeGreaterThanOrEqual(Date.parse(String(done['askedAt'])));
    const again = at(path).slice(4);
    expect(again.map(numberOf)).toEqual([2, 3]);
    for (const [index, { headers, text }] of again.entries()) {
      expect(headers['webhook-id']).toBe(before[index + 1]!.headers['webhook-id']);
      expect(headers['carillon-replay']).toBe(asked['id']);
      const first = before[index + 1]!;
      expect(readNotification(JSON.parse(text)).events).toEqual(readNotification(first.json).events);
      expect(first.headers['carillon-replay']).toBeUndefined();
    }
    const { body } = await operation(client, 'GET', id, '$replay-status');
    expect(partsOf(body, 'replay').map((one) => one['id'])).toEqual([asked['id']]);
    const attempts = await waitFor(
      async () => {
        const { body: log } = await operation(client, 'GET', id, '$attempts', { number: 2 });
        const tried = partsOf(log, 'attempt');
        return tried.length >= 2 && tried;
      },
      { what: 'both attempts to be written down' },
    );
    expect(attempts.map((attempt) => attempt['replay'])).toEqual([asked['id'], undefined]);
  });
});

test('what is new goes first, and the pace asked for is kept', async () => {
  const client = new Client(hub);
  const path = '/paced';
  const id = await served(client, path, 3);
  // The second one is more than a minute away when the new event comes.
  const slow = await replay(client, id, { rate: 0.01 });
  await waitFor(() => replayed(path).length === 1, { what: 'the first event again' });
  await result(client, path);
  await waitFor(() => numbersAt(path).includes(4), { what: 'the new event' });
  expect(numbersAt(path).slice(3)).toEqual([1, 4]);
  await operation(client, 'POST', id, '$replay-cancel', { replay: slow['id'] });

  const asked = await replay(client, id, { rate: 4 });
  await until(client, id, asked['id'], 'done');
  const again = at(path).filter(({ headers }) => headers['carillon-replay'] === asked['id']);
  expect(again.map(numberOf)).toEqual([1, 2, 3, 4]);
  // Three quarters of a second, and half of one for the first to be noticed late here.
  expect(again[3]!.at - again[0]!.at).toBeGreaterThan(250);
});

test('a replay goes on after kill -9 where it was, and can be cancelled', async () => {
  const client = () => new Client(hub);
  const path = '/killed';
  const id = await served(client(), path, 5);
  const asked = await replay(client(), id, { rate: 4 });
  await waitFor(async () => Number((await statusOf(client(), id, asked['id']))['sent']) >= 2, { what: 'two events again' });
  await hub.kill();
  const seen = replayed(path).length;
  const [kept] = await database.rows<{ next: bigint }>({ text: 'SELECT next_number AS next FROM resend WHERE resend_id = $1' }, [
    asked['id'],
  ]);
  hub = await startHub({ database: clone, port: hub.port, env });
  const done = await until(client(), id, asked['id'], 'done');
  expect(done).toMatchObject({ sent: 5, next: 6 });
  const again = replayed(path).map(numberOf);
  expect([...new Set(again)]).toEqual([1, 2, 3, 4, 5]);
  // What was sent and not yet written down comes once more, nothing else.
  expect(seen).toBeGreaterThanOrEqual(2);
  expect(again.slice(seen)).toEqual([1, 2, 3, 4, 5].slice(Number(kept!.next) - 1));

  const slow = await replay(client(), id, { rate: 0.01 });
  await waitFor(() => replayed(path).length > again.length, { what: 'the first event of the slow replay' });
  const { status, body } = await operation(client(), 'POST', id, '$replay-cancel', { replay: slow['id'] });
  expect(status).toBe(200);
  expect(partsOf(body, 'replay')[0]).toMatchObject({ state: 'cancelled', reason: 'Cancelled on request' });
  // The next request is not held up by what was left of it.
  const next = await replay(client(), id, { eventsSinceNumber: '5' });
  await until(client(), id, next['id'], 'done');
  expect(replayed(path).at(-1)!.headers['carillon-replay']).toBe(next['id']);
  expect((await operation(client(), 'POST', id, '$replay-cancel', { replay: slow['id'] })).status).toBe(200);
  expect((await operation(client(), 'POST', id, '$replay-cancel', { replay: next['id'] })).status).toBe(409);
});

test('events set aside are listed, sent again on request, and settled once they are taken', async () => {
  const client = new Client(hub);
  const path = '/letters';
  const parked = [2, 4];
  const id = await served(client, path, 5, parked, { maxCount: 1 });
  await waitFor(async () => (await letters(client, id)).length === 2, { what: 'two events set aside' });
  expect(await letters(client, id)).toMatchObject([
    { number: 4, reason: 'HTTP 422', sentAgain: 0, resolved: false },
    { number: 2, reason: 'HTTP 422', sentAgain: 0, resolved: false },
  ]);
  const page = (await operation(client, 'GET', id, '$dead-letters', { _count: 1 })).body;
  expect(partsOf(page, 'letter').map((letter) => letter['number'])).toEqual([4]);
  const second = (await client.send('GET', page.parameter[0].valueUrl)).body;
  expect(partsOf(second, 'letter').map((letter) => letter['number'])).toEqual([2]);
  expect(second.parameter).toHaveLength(1);

  // Refused once more, in another way: it stays, with the new reason.
  receiver.always((request) => (isEvents(path)(request) && numberOf(request) === 4 ? 413 : 200));
  const asked = await replay(client, id, { failedOnly: true });
  expect(asked).toMatchObject({ first: 2, last: 4, events: 2, failedOnly: true });
  expect(await until(client, id, asked['id'], 'done')).toMatchObject({ sent: 1, refused: 1, gone: 0 });
  expect(replayed(path).map(numberOf)).toEqual([2, 4]);
  expect(await letters(client, id)).toMatchObject([
    { number: 4, reason: 'HTTP 413', sentAgain: 1, resolved: false },
    { number: 2, reason: 'HTTP 422', sentAgain: 1, resolved: true },
  ]);
  expect((await letters(client, id, { resolved: true })).map((letter) => letter['number'])).toEqual([2]);

  receiver.always(200);
  expect((await operation(client, 'GET', id, '$resend', { eventsSinceNumber: 4, eventsUntilNumber: 4 })).status).toBe(200);
  await waitFor(async () => (await letters(client, id, { resolved: false })).length === 0, { what: 'nothing left set aside' });
  expect((await operation(client, 'POST', id, '$replay', { failedOnly: true })).status).toBe(404);
  expect((await client.read(id)).status).toBe('active');
});

test('what is no longer kept is said, and the rest is sent', async () => {
  const client = new Client(hub);
  const path = '/pruned';
  const id = await served(client, path, 4);
  await waitFor(async () => (await acknowledged(id)) === 4, { what: 'what was sent to be written down' });
  // Days are not waited for: the first two changes are made older.
  await database.run({
    text: `UPDATE resource_version SET at = at - interval '10 days' WHERE type = 'Observation' AND id IN (
      SELECT id FROM resource_version WHERE type = 'Observation' AND body LIKE '%Patient/pruned%' ORDER BY at LIMIT 2)`,
  });
  expect(await new PostgresRetention(database).dropEvents(9)).toBe(2);
  // A write lets everybody look at the segments again.
  await result(client, path);
  await waitFor(() => numbersAt(path).includes(5), { what: 'event 5' });
  const { body } = await operation(client, 'POST', id, '$replay');
  expect(body.parameter.at(-1)).toEqual({ name: 'notice', valueString: 'Events 1 to 2 are no longer kept.' });
  const asked = partsOf(body, 'replay')[0]!;
  expect(asked).toMatchObject({ first: 3, last: 5, events: 3 });
  await until(client, id, asked['id'], 'done');
  expect(replayed(path).map(numberOf)).toEqual([3, 4, 5]);
  const none = await operation(client, 'POST', id, '$replay', { eventsUntilNumber: '2' });
  expect([none.status, none.body.issue[0].diagnostics]).toEqual([404, 'Events 1 to 2 are no longer kept']);
});

test('a replay ends with the Subscription switched off', async () => {
  const client = new Client(hub);
  const id = await served(client, '/switched', 3);
  const asked = await replay(client, id, { rate: 0.01 });
  await waitFor(async () => Number((await statusOf(client, id, asked['id']))['sent']) === 1, { what: 'the first event again' });
  await client.send('PUT', `Subscription/${id}`, { ...(await client.read(id)), status: 'off' });
  expect(await until(client, id, asked['id'], 'cancelled')).toMatchObject({
    reason: 'The Subscription was switched off',
    sent: 1,
  });
  expect((await operation(client, 'POST', id, '$replay')).status).toBe(409);
});

describe('refused', () => {
  let id: string;
  let socket: string;
  let gone: string;
  beforeAll(async () => {
    const client = new Client(hub);
    id = await served(client, '/refusals', 1);
    socket = (await client.create(topicSubscription({ type: 'websocket' }))).id;
    gone = (await client.create(topicSubscription({ endpoint: receiver.url('/gone') }))).id;
    await client.send('DELETE', `Subscription/${gone}`);
  });

  test.each<[string, string, number, string]>([
    ['POST', 'ID/$replay?rate=0', 400, 'rate'],
    ['POST', 'ID/$replay?rate=fast', 400, 'rate'],
    ['POST', 'ID/$replay?failedOnly=maybe', 400, 'failedOnly'],
    ['POST', 'ID/$replay?eventsSinceNumber=2', 400, 'eventsSinceNumber'],
    ['POST', 'ID/$replay?surprise=1', 400, 'surprise'],
    ['GET', 'ID/$replay', 405, ''],
    ['GET', 'ID/$replay-cancel?replay=1', 405, ''],
    ['POST', 'SOCKET/$replay', 422, 'Subscription.channel.type'],
    ['POST', 'unknown/$replay', 404, ''],
    ['POST', 'GONE/$replay', 410, ''],
    ['GET', 'GONE/$resend', 410, ''],
    ['POST', 'ID/$replay-cancel', 400, 'replay'],
    ['POST', 'ID/$replay-cancel?replay=999999', 404, 'replay'],
    ['GET', 'ID/$replay-status?replay=x', 400, 'replay'],
    ['GET', 'ID/$replay-status?replay=999999', 404, 'replay'],
    ['GET', 'unknown/$replay-status', 404, ''],
    ['GET', 'ID/$dead-letters?resolved=perhaps', 400, 'resolved'],
    ['GET', 'ID/$dead-letters?_page=nonsense', 400, '_page'],
    ['GET', 'GONE/$dead-letters', 410, ''],
    ['GET', 'ID/$attempts?outcome=good', 400, 'outcome'],
    ['GET', 'ID/$attempts?since=yesterday', 400, 'since'],
    ['GET', 'ID/$attempts?number=-1', 400, 'number'],
    ['GET', 'ID/$attempts?_count=0', 400, '_count'],
    ['GET', 'ID/$attempts?_page=AAAA', 400, '_page'],
    ['GET', 'unknown/$attempts', 404, ''],
    ['GET', 'GONE/$attempts', 410, ''],
  ])('%s Subscription/%s with %i', async (method, path, code, expression) => {
    const full = `Subscription/${path.replace('ID', id).replace('SOCKET', socket).replace('GONE', gone)}`;
    const { status, body } = await new Client(hub).send(method, full);
    expect({ status, type: body.resourceType, expression: body.issue?.[0]?.expression?.[0] ?? '' }).toEqual({
      status: code,
      type: 'OperationOutcome',
      expression,
    });
  });
});
