import { expect, test } from '@jest/globals';
import pg from 'pg';
import { cloneDatabase } from '../support/clone-database.js';
import { startHub } from '../support/start-hub.js';
import { LAB_TOPIC, topicSubscription } from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';
import { WebsocketListener } from '../support/websocket-listener.js';
import { faultTest, type FaultRun, WRITTEN_TOPIC } from './harness/fault-run.js';
import { CODE_SYSTEM } from './harness/load-writer.js';
import { RecordingSink } from './harness/recording-sink.js';
import { LiveFeedClient, WebsocketClient } from './harness/socket-clients.js';

const FILTERS = [`Observation?code=${CODE_SYSTEM}|red`];

interface Given {
  record: RecordingSink;
  /** A client of the websocket that leaves it to the hub to know where it goes on, bound to the one Subscription. */
  quiet(name: string): WebsocketClient;
  live(name: string): LiveFeedClient;
  /** Writes events until there are `last` of them. */
  writeUpTo(last: number): Promise<void>;
  /** Waits until the cursor stands there. */
  acknowledged(number: number): Promise<void>;
}

async function given(run: FaultRun): Promise<Given> {
  const record = await RecordingSink.start();
  run.onClose(() => record.close());
  await run.hubs({ hubs: 1 });
  const { id } = await run.client.create(
    topicSubscription({ topic: WRITTEN_TOPIC, type: 'websocket', content: 'full-resource', filters: FILTERS }),
  );
  const database = new pg.Client({ connectionString: run.database.url });
  await database.connect();
  run.onClose(() => database.end());
  const told: RecordingSink['take'] = (name, bundle, bytes) => record.take(name, bundle, bytes);
  const closing = <T extends { close(): void }>(client: T): T => {
    run.onClose(async () => client.close());
    return client;
  };
  let written = 0;
  return {
    record,
    quiet: (name) => {
      const { hub } = run.cluster.places[0]!;
      return closing(new WebsocketClient(name, { url: hub.url, client: run.client }, id, told, false));
    },
    live: (name) =>
      closing(
        new LiveFeedClient(
          name,
          run.cluster.places[0]!.hub.url,
          { topic: WRITTEN_TOPIC, filters: FILTERS, content: 'full-resource' },
          told,
        ),
      ),
    writeUpTo: async (last) => {
      for (; written < last; written += 1) {
        const code = { coding: [{ system: CODE_SYSTEM, code: 'red' }] };
        await run.client.create({ resourceType: 'Observation', status: 'final', code }, 'Observation');
      }
    },
    acknowledged: async (number) => {
      const cursor = async () =>
        (
          await database.query<{ acknowledged: string }>(
            'SELECT acknowledged FROM subscription_cursor WHERE subscription_id = $1',
            [id],
          )
        ).rows[0]?.acknowledged;
      await waitFor(async () => Number(await cursor()) === number, { what: `event ${number} to be acknowledged` });
    },
  };
}

const numbers = (record: RecordingSink, name: string) =>
  record.to(name).flatMap(({ events }) => events.map(({ number }) => number));

faultTest('what a websocket was handed and never read is sent again after the cut; what had arrived is not', async (run) => {
  const { record, quiet, live, writeUpTo, acknowledged } = await given(run);
  const witness = live('witness');
  await witness.open();
  const client = quiet('client');
  await client.open();
  await writeUpTo(3);
  await waitFor(() => numbers(record, 'client').length === 3, { what: 'three events' });
  // The client's end has answered for them, without a word of the client.
  await acknowledged(3);

  client.pause();
  await writeUpTo(6);
  // Handed out to whoever is bound, and on their way: they lie unread when the connection breaks.
  await waitFor(() => numbers(record, 'witness').length === 6, { what: 'six events at the witness' });
  client.cut();
  await writeUpTo(7);
  await client.open();
  await waitFor(() => numbers(record, 'client').includes(7), { what: 'the last event' });
  expect(numbers(record, 'client')).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

faultTest(
  'a hub that stops sends what is owed, says why it closes, and the next one goes on without gap or repeat',
  async (run) => {
    const { record, quiet, live, writeUpTo } = await given(run);
    const clients = { websocket: quiet('websocket'), live: live('live') };
    await Promise.all([clients.websocket.open(), clients.live.open()]);
    await writeUpTo(30);
    const place = run.cluster.places[0]!;
    expect(await place.stop()).toBe(0);
    await waitFor(() => clients.websocket.ended && clients.live.ended, { what: 'both to be closed' });
    expect(clients.websocket.ended).toEqual({ code: 1001, reason: 'The hub is stopping: come back and go on' });
    // To Socket.IO's client that is a cut, after which it would come back by itself.
    expect(clients.live.ended!.code).toBe('transport close');
    expect(clients.live.outcomes.map(({ issue }) => issue[0].code)).toEqual(['transient']);

    await place.start();
    await Promise.all([clients.websocket.open(), clients.live.open()]);
    await writeUpTo(33);
    const all = Array.from({ length: 33 }, (_, index) => index + 1);
    for (const name of ['websocket', 'live']) {
      await waitFor(() => numbers(record, name).includes(33), { what: `the last event on the ${name}` });
      expect(numbers(record, name)).toEqual(all);
    }
  },
);

test('while PostgreSQL is away, whoever asks for something on a socket is told to try again; the hub takes it for no bug', async () => {
  const database = await cloneDatabase();
  const hub = await startHub({ database });
  const listener = await WebsocketListener.open(`${hub.url.replace('http', 'ws')}/ws`);
  const live = new LiveFeedClient('live', hub.url, { topic: LAB_TOPIC }, () => {});
  try {
    await database.drop();
    listener.say('bind-with-token anything');
    await waitFor(() => listener.bundles.length > 0, { what: 'a word on the websocket' });
    expect(listener.bundles[0]).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ code: 'transient' }] });
    expect(listener.closed).toBeUndefined();
    await expect(live.open()).rejects.toThrow('"code":"transient"');
    expect(hub.output()).not.toMatch(/"msg":"(websocket|live)\.failed"/);
  } finally {
    await listener.close();
    live.close();
    await hub.stop();
  }
});
