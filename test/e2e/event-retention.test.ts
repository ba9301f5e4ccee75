import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Database } from '../../src/storage/database.js';
import { PostgresRetention } from '../../src/storage/retention.js';
import { type OpenClone, openClone } from '../support/open-clone.js';
import { EndpointReceiver } from '../support/endpoint-receiver.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { Client, readNotification, topicSubscription } from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';
import { WebsocketListener } from '../support/websocket-listener.js';

/** Days and hours are not waited for: the changes are made older in the database, and the chore's one call is made here. */
let clone: OpenClone;
let database: Database;
let hub: Hub;
let receiver: EndpointReceiver;

beforeAll(async () => {
  clone = await openClone(2);
  database = clone.database;
  [hub, receiver] = await Promise.all([startHub({ database: clone }), EndpointReceiver.start()]);
});
afterAll(async () => {
  await Promise.all([hub?.stop(), receiver?.close()]);
  await clone?.drop();
});

const acknowledged = async (id: string) =>
  Number(
    (
      await database.rows<{ acknowledged: bigint }>(
        { text: 'SELECT acknowledged FROM subscription_cursor WHERE subscription_id = $1' },
        [id],
      )
    )[0]?.acknowledged ?? -1n,
  );

test('events past their days are gone but for those that are owed; their numbers show as a gap, and everything goes on', async () => {
  const client = new Client(hub);
  const served = (await client.create(topicSubscription({ endpoint: receiver.url('/served') }))).id;
  const socket = (await client.create(topicSubscription({ type: 'websocket' }))).id;
  // Of a group of its own, so that what it is owed keeps back nobody else's events.
  const refused = topicSubscription({ endpoint: receiver.url('/refused'), filters: ['Observation?code=1975-2'] });
  const owed = (await client.create(refused)).id;
  for (const id of [served, owed]) await client.untilStatus(id, 'active');
  receiver.always(({ path }) => (path === '/refused' ? 503 : 200));
  const results: string[] = [];
  for (let value = 1; value <= 5; value++) results.push((await client.result(value)).id);
  await waitFor(async () => (await acknowledged(served)) === 5, { what: 'five events served' });

  await database.run(
    { text: `UPDATE resource_version SET at = at - interval '10 days' WHERE type = 'Observation' AND id = ANY ($1)` },
    [results.slice(0, 3)],
  );
  const retention = new PostgresRetention(database);
  expect(await retention.dropEvents(11)).toBe(0);
  expect(await retention.dropEvents(9)).toBe(3);
  expect(await retention.dropEvents(9)).toBe(0);

  const events = async (id: string, query = '') => {
    const answer = await fetch(`${client.base}/Subscription/${id}/$events${query}`);
    expect(answer.status).toBe(200);
    const read = readNotification(await answer.json());
    return { numbers: read.events.map(({ number }) => number), total: read.total, warning: answer.headers.get('warning') };
  };
  expect(await events(served)).toEqual({
    numbers: ['4', '5'],
    total: '5',
    warning: '199 carillon "Events 1 to 3 are no longer kept"',
  });
  expect(await events(served, '?eventsSinceNumber=2&eventsUntilNumber=3')).toEqual({
    numbers: [],
    total: '5',
    warning: '199 carillon "Events 2 to 3 are no longer kept"',
  });
  expect(await events(served, '?eventsSinceNumber=4')).toEqual({ numbers: ['4', '5'], total: '5', warning: null });
  expect(await events(owed)).toMatchObject({ numbers: ['1', '2', '3', '4', '5'], warning: null });

  receiver.clear();
  const again = await client.send('GET', `Subscription/${served}/$resend?eventsSinceNumber=2`);
  expect(again.body.issue[0].diagnostics).toBe('Events 4 to 5 will be sent again.');
  expect((await client.send('GET', `Subscription/${served}/$resend?eventsUntilNumber=3`)).status).toBe(404);
  await waitFor(() => receiver.to('/served').length >= 2, { what: 'two events again' });

  const token = (await client.send('GET', `Subscription/${socket}/$get-ws-binding-token`)).body.parameter[0].valueString;
  const listener = await WebsocketListener.open(`${hub.url.replace('http', 'ws')}/ws`);
  listener.say(`bind-with-token ${token}`);
  await waitFor(() => listener.bundles.length >= 3, { what: 'the handshake and what is left' });
  expect(listener.bundles.slice(1).map((bundle) => readNotification(bundle).events[0]?.number)).toEqual(['4', '5']);
  await listener.close();

  receiver.always(200);
  await client.send('PUT', `Subscription/${owed}`, { ...(await client.read(owed)), status: 'requested' });
  await waitFor(async () => (await acknowledged(owed)) === 5, { what: 'what was owed' });
  expect(await retention.dropEvents(9)).toBe(3);
});
