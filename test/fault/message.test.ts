import { randomUUID } from 'node:crypto';
import { afterEach, expect, test } from '@jest/globals';
import pg from 'pg';
import { cloneDatabase, type TestDatabase } from '../support/clone-database.js';
import { ADMIT, encounter, message } from '../support/messages.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { Client, topicSubscription } from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';

let database: TestDatabase;
const started: Hub[] = [];

async function start(): Promise<Hub> {
  const hub = await startHub({ database });
  started.push(hub);
  return hub;
}

afterEach(async () => {
  for (const hub of started.splice(0)) await hub.stop();
  await database.drop();
});

async function processed(): Promise<number> {
  const client = new pg.Client(database.url);
  await client.connect();
  try {
    return (await client.query<{ count: number }>('SELECT count(*)::integer AS count FROM processed_message')).rows[0]!.count;
  } finally {
    await client.end();
  }
}

test('messages whose answers died with the hub are answered when they come again, and nothing happens twice', async () => {
  database = await cloneDatabase();
  const hub = await start();
  const client = new Client(hub);
  const url = 'http://example.org/topics/admitted';
  const eventTrigger = [{ resource: 'Encounter', event: { coding: [ADMIT] } }];
  await client.create({ resourceType: 'SubscriptionTopic', url, status: 'active', eventTrigger }, 'SubscriptionTopic');
  const { id } = await client.create({ ...topicSubscription({ type: 'websocket' }), criteria: url });

  const messages = Array.from({ length: 40 }, (_, index) =>
    message(
      [
        {
          fullUrl: `urn:uuid:${randomUUID()}`,
          resource: encounter(undefined, 'in-progress', 'IMP', { priority: { text: String(index) } }),
        },
      ],
      {
        focus: [],
      },
    ),
  ).map((bundle) => {
    const entry = bundle.entry as [{ resource: Record<string, unknown> }, { fullUrl: string }];
    entry[0].resource.focus = [{ reference: entry[1].fullUrl }];
    return bundle;
  });
  const answers = messages.map((bundle) => client.send('POST', '$process-message', bundle).catch(() => undefined));
  // At this moment some are committed, some are under way, some have not begun.
  await waitFor(async () => (await processed()) > 0, { stepMilliseconds: 1, what: 'the first commit' });
  await hub.kill();
  const answered = await Promise.all(answers);
  const committed = await processed();
  expect(committed).toBeGreaterThan(0);
  expect(answered.filter((answer) => answer?.status === 200).length).toBeLessThanOrEqual(committed);

  const again = new Client(await start());
  const second = await Promise.all(messages.map((bundle) => again.send('POST', '$process-message', bundle)));
  const third = await Promise.all(messages.map((bundle) => again.send('POST', '$process-message', bundle)));
  expect(second.map(({ status }) => status)).toEqual(messages.map(() => 200));
  expect(third.map(({ text }) => text)).toEqual(second.map(({ text }) => text));
  for (const [index, answer] of answered.entries()) if (answer?.status === 200) expect(second[index]!.text).toBe(answer.text);
  expect(await processed()).toBe(messages.length);
  expect((await again.send('GET', 'Encounter?_total=accurate')).body.total).toBe(messages.length);
  const total = async () =>
    (await again.send('GET', `Subscription/${id}/$status`)).body.entry[0].resource.eventsSinceSubscriptionStart as string;
  await waitFor(async () => (await total()) === String(messages.length), { what: 'all events' });
});
