import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { notificationFaults } from '../support/check-notification.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { Client, type FaceName, topicSubscription } from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- tests look into any resource */

/**
 * Which changes a topic tells of. All changes are made once; every topic has a Subscription in each face, whose `$events` then say which
 * of them it heard of. Nobody need be sent anything, so one hub serves all rows.
 */

const FACES: FaceName[] = ['r4b', 'r4'];
type Status = 'planned' | 'in-progress' | 'finished';

/** P tests `planned`, C tests `finished`: the changes below take every value of both. */
const P = 'status=planned';
const C = 'status=finished';

const encounter = (status: Status, more: object = {}) => ({
  resourceType: 'Encounter',
  status,
  class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
  ...more,
});

let hub: Hub;
const topics: object[] = [];
const heard = new Map<string, Record<FaceName, string[]>>();

/** Declares a topic; what was heard of it is there once the changes are made. */
function topicOf(name: string, triggers: object | object[]): string {
  topics.push({
    resourceType: 'SubscriptionTopic',
    id: name,
    url: `http://example.org/${name}`,
    status: 'active',
    resourceTrigger: [triggers].flat().map((trigger) => ({ resource: 'Encounter', ...trigger })),
  });
  return name;
}

/** The changes of certain resources that were heard of, in order, in both faces alike: `+id` created, `id` updated, `-id` deleted. */
function heardOf(topic: string, ids: RegExp): string[] {
  const { r4b, r4 } = heard.get(topic)!;
  const among = (words: string[]) => words.filter((word) => ids.test(word.replace(/^[+-]/, '')));
  expect(among(r4)).toEqual(among(r4b));
  return among(r4b);
}

// ---- the rows ----

interface Row {
  result: 'test-passes' | 'test-fails' | 'absent';
  both: boolean;
  /** Whether a change fires whose test holds, and one whose test does not. */
  fires: [holds: boolean, not: boolean];
}

const TABLE: Row[] = [
  { result: 'test-passes', both: true, fires: [true, false] },
  { result: 'test-passes', both: false, fires: [true, true] },
  { result: 'test-fails', both: true, fires: [false, false] },
  { result: 'test-fails', both: false, fires: [true, false] },
  // Absent: that side takes no part.
  { result: 'absent', both: true, fires: [true, false] },
  { result: 'absent', both: false, fires: [true, false] },
];

const stated = ({ result }: Row) => (result === 'absent' ? undefined : result);

const creates = TABLE.map((row, n) => ({
  ...row,
  topic: topicOf(`create-${n}`, {
    supportedInteraction: ['create'],
    queryCriteria: { previous: P, current: C, resultForCreate: stated(row), requireBoth: row.both },
  }),
}));
const deletes = TABLE.map((row, n) => ({
  ...row,
  topic: topicOf(`delete-${n}`, {
    supportedInteraction: ['delete'],
    queryCriteria: { previous: P, current: C, resultForDelete: stated(row), requireBoth: row.both },
  }),
}));
const updates = [
  { both: true, criteria: { previous: P, current: C }, fires: ['planned-finished'] },
  {
    both: false,
    criteria: { previous: P, current: C },
    fires: ['planned-finished', 'planned-in-progress', 'in-progress-finished'],
  },
  { both: true, criteria: { previous: P }, fires: ['planned-finished', 'planned-in-progress'] },
  { both: false, criteria: { previous: P }, fires: ['planned-finished', 'planned-in-progress'] },
  { both: true, criteria: { current: C }, fires: ['planned-finished', 'in-progress-finished'] },
  { both: false, criteria: { current: C }, fires: ['planned-finished', 'in-progress-finished'] },
].map((row, n) => ({
  ...row,
  topic: topicOf(`update-${n}`, {
    supportedInteraction: ['update'],
    queryCriteria: { ...row.criteria, requireBoth: row.both },
  }),
}));

const only = (...methods: string[]) => ({ supportedInteraction: methods });
const withPath = (fhirPathCriteria: string, more: object = {}) => ({ fhirPathCriteria, ...more });

const CREATED = ['+id', '+put', '+put', '+other'];
const DELETED = ['-put', '-id', '-other'];
const FINISHED = ['+id', 'put', '+put'];

/** What a topic hears of the second group of changes, see {@link makeChanges}. */
const others: [what: string, topic: string, heard: string[]][] = [
  ['no criteria: every interaction that is listed', topicOf('creates', only('create')), CREATED],
  [
    'no criteria and no interaction listed: all',
    topicOf('all', {}),
    ['+id', '+put', 'put', 'put', '-put', '+put', '-id', '+other', 'other', '-other'],
  ],
  [
    'several triggers: one event for each change that any of them hears',
    topicOf('or', [only('delete'), { ...only('create'), queryCriteria: { current: C } }, only('delete')]),
    ['+id', '-put', '+put', '-id', '-other'],
  ],
  [
    'became finished: the passage alone, at creation as well',
    topicOf('became', {
      queryCriteria: {
        previous: 'status:not=finished',
        resultForCreate: 'test-passes',
        current: C,
        resultForDelete: 'test-fails',
        requireBoth: true,
      },
    }),
    FINISHED,
  ],
  [
    'a search string with its type, encoded or plain',
    topicOf('spelled', {
      ...only('create'),
      queryCriteria: {
        current:
          'Encounter?class=http%3A%2F%2Fterminology.hl7.org%2FCodeSystem%2Fv3-ActCode%7CAMB&class=http://terminology.hl7.org/CodeSystem/v3-ActCode|AMB',
      },
    }),
    CREATED,
  ],
  [
    'commas mean or, repetition means and',
    topicOf('and-or', { ...only('create'), queryCriteria: { current: 'status=finished,planned&_id=other,id' } }),
    ['+id', '+other'],
  ],
  [
    'the full URL of the type',
    topicOf('full-url', { ...only('delete'), resource: 'http://hl7.org/fhir/StructureDefinition/Encounter' }),
    DELETED,
  ],
  [
    'DomainResource means every type',
    topicOf('domain', { ...only('create'), resource: 'DomainResource' }),
    [...CREATED, '+patient'],
  ],
  ['another type is not heard of', topicOf('patients', { resource: 'Patient' }), ['+patient']],
  ['%previous is empty at creation', topicOf('path-create', withPath('%previous.empty() and %current.exists()')), CREATED],
  [
    '%current is empty at deletion',
    topicOf('path-delete', withPath("%current.empty() and %previous.status = 'finished'")),
    ['-put', '-id'],
  ],
  [
    'a passage in FHIRPath',
    topicOf('path-became', withPath("(%previous.empty() or %previous.status != 'finished') and %current.status = 'finished'")),
    FINISHED,
  ],
  [
    'a bare path starts at the current state, at deletion at the previous one',
    topicOf('path-bare', withPath("status = 'in-progress'")),
    ['put', 'other', '-other'],
  ],
  ['an empty result is false', topicOf('path-empty', withPath("%previous.status = 'planned'")), ['put', 'other']],
  ['what is no boolean does not fire', topicOf('path-text', withPath('%current.status')), []],
  ['a failing expression does not fire', topicOf('path-fails', withPath('(1 | 2).single() = 1')), []],
  [
    'FHIRPath decides where there is a query as well',
    topicOf('path-and-query', withPath("%current.status = 'finished'", { queryCriteria: { current: 'status=planned' } })),
    FINISHED,
  ],
  ['FHIRPath is tested for listed interactions alone', topicOf('path-listed', withPath('true', only('delete'))), DELETED],
  [
    'a test of the previous state alone says nothing of a creation',
    topicOf('no-create', { ...only('create'), queryCriteria: { previous: P } }),
    [],
  ],
  [
    'a test of the current state alone says nothing of a deletion',
    topicOf('no-delete', { ...only('delete'), queryCriteria: { current: C } }),
    [],
  ],
];

// ---- the changes ----

async function makeChanges(client: Client): Promise<void> {
  const put = async (id: string, status: Status, more: object = {}) => {
    const { status: code } = await client.send('PUT', `Encounter/${id}`, encounter(status, { id, ...more }));
    expect([200, 201]).toContain(code);
  };
  const remove = async (id: string) => expect((await client.send('DELETE', `Encounter/${id}`)).status).toBe(204);
  // For the tables.
  for (const status of ['finished', 'in-progress'] as const) await put(`created-${status}`, status);
  for (const [from, to] of [
    ['planned', 'finished'],
    ['planned', 'in-progress'],
    ['in-progress', 'finished'],
    ['in-progress', 'in-progress'],
  ] as const) {
    await put(`${from}-${to}`, from);
    await put(`${from}-${to}`, to, { length: { value: 1 } });
  }
  for (const status of ['planned', 'in-progress'] as const) {
    await put(`deleted-${status}`, status);
    await remove(`deleted-${status}`);
  }
  // For the others.
  await put('id', 'finished');
  await put('put', 'planned');
  await put('put', 'in-progress');
  await put('put', 'finished');
  await remove('put');
  await put('put', 'finished');
  const transaction = {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: [
      { request: { method: 'PUT', url: 'Encounter/other' }, resource: encounter('planned', { id: 'other' }) },
      { request: { method: 'DELETE', url: 'Encounter/id' } },
    ],
  };
  expect((await client.send('POST', client.base, transaction)).status).toBe(200);
  await client.send('PUT', 'Patient/patient', { resourceType: 'Patient', id: 'patient' });
  await put('other', 'in-progress');
  await remove('other');
}

const wordOf = ({ fullUrl, response }: any) =>
  ({ '201': '+', '200': '', '204': '-' })[response.status as string] + fullUrl.split('/').at(-1);

beforeAll(async () => {
  hub = await startHub();
  const clients = { r4b: new Client(hub, 'r4b'), r4: new Client(hub, 'r4') };
  const watches: { id: string; face: FaceName; topic: string }[] = [];
  for (const topic of topics as { id: string; url: string }[]) {
    expect((await clients.r4b.send('PUT', `SubscriptionTopic/${topic.id}`, topic)).status).toBe(201);
    for (const face of FACES) {
      const subscription = topicSubscription({ topic: topic.url, type: 'websocket', content: 'full-resource' });
      watches.push({ id: (await clients[face].create(subscription)).id, face, topic: topic.id });
    }
  }
  await makeChanges(clients.r4b);
  const last = watches.find(({ topic }) => topic === 'all')!;
  await waitFor(async () => (await clients[last.face].events(last.id)).entry.map(wordOf).includes('-other'));
  for (const { id, face, topic } of watches) {
    const bundle = await clients[face].events(id);
    expect(
      notificationFaults(bundle, {
        face,
        base: clients[face].base,
        subscription: id,
        topic: `http://example.org/${topic}`,
        level: 'full-resource',
        type: 'query-event',
      }),
    ).toEqual([]);
    heard.set(topic, { ...heard.get(topic)!, [face]: bundle.entry.slice(1).map(wordOf) });
  }
}, 180_000);
afterAll(() => hub?.stop());

test.each(creates)('create: resultForCreate $result, requireBoth $both', ({ topic, fires: [holds, not] }) => {
  const words = heardOf(topic, /^created-/);
  expect(words).toEqual([...(holds ? ['+created-finished'] : []), ...(not ? ['+created-in-progress'] : [])]);
});

test.each(deletes)('delete: resultForDelete $result, requireBoth $both', ({ topic, fires: [holds, not] }) => {
  const words = heardOf(topic, /^deleted-/);
  expect(words).toEqual([...(holds ? ['-deleted-planned'] : []), ...(not ? ['-deleted-in-progress'] : [])]);
});

test.each(updates)('update: $criteria, requireBoth $both', ({ topic, fires }) => {
  expect(heardOf(topic, /^(planned|in-progress)-/)).toEqual(fires);
});

test.each(others)('%s', (_, topic, words) => {
  expect(heardOf(topic, /^(id|put|other|patient)$/)).toEqual(words);
});
