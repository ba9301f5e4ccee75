import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { cloneDatabase, type TestDatabase } from '../support/clone-database.js';
import { type Json, request } from '../support/rest-client.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { classicSubscription, topicSubscription } from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';

/*
 * Subscriptions by search parameters of clients' own, on two processes: what such a parameter means to one is what it meant when the
 * Subscription, or its topic, was written.
 */

const FROZEN = 'https://carillon.example/fhir/StructureDefinition/search-parameter-as-written';
const at = (mark: string) => `http://example.org/fhir/StructureDefinition/${mark}`;
const COLOURS = ['blue', 'green'] as const;

let database: TestDatabase;
let client: pg.Client;
let a: Hub;
let b: Hub;

beforeAll(async () => {
  database = await cloneDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  [a, b] = await Promise.all([startHub({ database }), startHub({ database })]);
});
afterAll(async () => {
  await client.end();
  await Promise.all([a?.stop(), b?.stop()]);
  await database?.drop();
});

const put = (hub: Hub, resource: Json) => request(hub, 'PUT', `${resource['resourceType']}/${resource['id']}`, resource);

async function stored(hub: Hub, resource: Json): Promise<Json> {
  const { status, text, json } = await put(hub, resource);
  if (status !== 200 && status !== 201) throw new Error(text);
  return json;
}

const parameter = (id: string, mark: string, more: object = {}): Json => ({
  ...{ resourceType: 'SearchParameter', id, url: `http://example.org/fhir/SearchParameter/${id}`, status: 'active' },
  ...{
    name: id,
    description: id,
    code: id,
    base: ['Patient'],
    type: 'token',
    expression: `Patient.extension('${at(mark)}').value`,
  },
  ...more,
});

const patient = (id: string, left: string, right: string): Json => ({
  ...{ resourceType: 'Patient', id },
  extension: [
    { url: at('left'), valueCode: left },
    { url: at('right'), valueCode: right },
  ],
});

const subscription = (id: string, criteria: string): Json => ({
  ...classicSubscription(undefined, { type: 'websocket' }),
  ...{ id, criteria },
});

/** Ids of what the Subscription was given events of; throws where its numbers are not 1, 2, 3 … */
async function given(id: string): Promise<string[]> {
  const { rows } = await client.query(
    `SELECT (s.first_number + e.n - s.after_n - 1)::integer AS number, v.id
     FROM subscription_segment AS s
     JOIN group_event AS e ON e.group_id = s.group_id AND e.n > s.after_n AND (s.until_n IS NULL OR e.n <= s.until_n)
     JOIN resource_version AS v ON v.seq = e.seq
     WHERE s.subscription_id = $1
     ORDER BY number`,
    [id],
  );
  return (rows as { number: number; id: string }[]).map((row, index) => {
    if (row.number !== index + 1) throw new Error(`number ${String(row.number)} stands at place ${String(index + 1)}`);
    return row.id;
  });
}

/** All events up to the last, which is about this one. */
const givenUntil = (id: string, last: string) =>
  waitFor(async () => (await given(id)).at(-1) === last && given(id), { what: `${id} to be told of ${last}` });

/** Writes patients of all colours through both processes in turns, and tells those that are blue on the left and on the right. */
async function flow(name: string, hubs: readonly Hub[], count = 12): Promise<{ left: string[]; right: string[] }> {
  const blue = { left: [] as string[], right: [] as string[] };
  for (let i = 0; i < count; i++) {
    const id = `${name}-${String(i).padStart(3, '0')}`;
    const [left, right] = [COLOURS[i % 2]!, COLOURS[(i >> 1) % 2]!];
    await stored(hubs[i % hubs.length]!, patient(id, left, right));
    if (left === 'blue') blue.left.push(id);
    if (right === 'blue') blue.right.push(id);
  }
  return blue;
}

const stateIn = async (hub: Hub, id: string, of: Json): Promise<unknown> => {
  const { json, text } = await request(hub, 'POST', `Subscription/${id}/$explain`, {
    resourceType: 'Parameters',
    parameter: [{ name: 'resource', resource: of }],
  });
  const told = (json['parameter'] as Json[]).find(({ name }) => name === 'subscription');
  if (told === undefined) throw new Error(text);
  const parts = told['part'] as Json[];
  const own = parts.find(({ name }) => name === 'parameter')?.['part'] as Json[] | undefined;
  return [
    own?.map((part) => part['valueCode'] ?? part['valueString']),
    parts.find(({ name }) => name === 'wouldNotify')?.['valueBoolean'],
  ];
};

test('criteria mean what they meant when they were written, while the parameter changes, goes and comes, and processes die', async () => {
  await stored(a, parameter('eyes', 'left'));
  const asked = subscription('s', 'Patient?eyes=blue');
  const forged = { url: FROZEN, extension: [{ url: 'code', valueCode: 'eyes' }] };
  const made = await stored(b, { ...asked, extension: [{ url: 'http://example.org/own', valueCode: 'kept' }, forged] });
  const url = 'http://example.org/fhir/SearchParameter/eyes';
  expect(made['extension']).toEqual([
    { url: 'http://example.org/own', valueCode: 'kept' },
    {
      url: FROZEN,
      extension: [
        { url: 'code', valueCode: 'eyes' },
        { url: 'definition', valueUri: url },
        { url: 'type', valueCode: 'token' },
        { url: 'base', valueCode: 'Patient' },
        { url: 'expression', valueString: `Patient.extension('${at('left')}').value` },
      ],
    },
  ]);
  const expected = [...(await flow('first', [a, b])).left];
  expect(await stateIn(a, 's', patient('x', 'blue', 'green'))).toEqual([['eyes', url, 'current'], true]);

  // Another meaning, while changes flow through both.
  const flowing = flow('changing', [a, b]);
  await stored(b, parameter('eyes', 'right'));
  expected.push(...(await flowing).left);
  expect(await stateIn(a, 's', patient('x', 'blue', 'green'))).toEqual([['eyes', url, 'changed'], true]);
  await stored(a, subscription('t', 'Patient?eyes=blue'));
  const changed = await flow('changed', [b, a]);
  expected.push(...changed.left);
  const ofNew = [...changed.right];

  // A process dies while changes flow, and another comes that never heard of the first meaning.
  const dying = a.kill();
  const survived = await flow('dying', [b]);
  await dying;
  a = await startHub({ database });
  expected.push(...survived.left);
  ofNew.push(...survived.right);

  expect((await request(b, 'DELETE', 'SearchParameter/eyes')).status).toBe(204);
  const gone = await flow('gone', [a, b]);
  expected.push(...gone.left);
  ofNew.push(...gone.right);
  for (const hub of [a, b])
    expect(await stateIn(hub, 's', patient('x', 'green', 'blue'))).toEqual([['eyes', url, 'gone'], false]);
  await stored(a, patient('last', 'blue', 'blue'));
  expect(await givenUntil('s', 'last')).toEqual([...expected, 'last']);
  expect(await givenUntil('t', 'last')).toEqual([...ofNew, 'last']);

  // Written again it would mean nothing; it can be switched off, and goes by what there is once there is something.
  const refused = await put(b, asked);
  expect([refused.status, refused.issue['expression']]).toEqual([422, ['Subscription.criteria']]);
  expect(refused.issue['diagnostics']).toContain("'eyes' is unknown for Patient");
  await stored(b, { ...asked, status: 'off' });
  await stored(a, parameter('eyes', 'right'));
  await stored(b, asked);
  const anew = (await flow('anew', [a, b])).right;
  await stored(a, patient('very-last', 'green', 'blue'));
  expect(await givenUntil('s', 'very-last')).toEqual([...expected, 'last', ...anew, 'very-last']);
}, 60_000);

test('a topic tests and is filtered by parameters as they were when it was written, chains among them', async () => {
  await stored(a, parameter('hair', 'left'));
  const topic = {
    ...{ resourceType: 'SubscriptionTopic', id: 'hair', url: 'http://example.org/hair', status: 'active' },
    resourceTrigger: [
      { resource: 'Patient', queryCriteria: { current: 'hair:missing=false' } },
      { resource: 'Observation', supportedInteraction: ['create'] },
    ],
    canFilterBy: [
      { resource: 'Patient', filterParameter: 'hair' },
      { resource: 'Observation', filterParameter: 'subject.hair' },
    ],
  };
  const made = await stored(b, topic);
  expect((made['extension'] as Json[]).map((each) => each['url'])).toEqual([FROZEN]);
  const follows = (id: string, filters: string[]) =>
    stored(a, { ...topicSubscription({ topic: topic.url, type: 'websocket', filters }), id });
  await follows('u', ['Patient?hair=blue']);
  await follows('v', ['Observation?subject.hair=blue']);
  const tell = (hub: Hub, id: string, of: string) =>
    stored(hub, {
      ...{ resourceType: 'Observation', id, status: 'final', code: { text: 'x' }, subject: { reference: `Patient/${of}` } },
    });
  const u = [...(await flow('h', [a, b], 4)).left];
  await tell(a, 'o1', 'h-000');
  await tell(b, 'o2', 'h-001');
  const frozen = await flow('i', [b, a], 4);
  await stored(b, parameter('hair', 'right'));
  u.push(...frozen.left, ...(await flow('j', [a, b], 4)).left);
  await tell(b, 'o3', 'j-000');
  await tell(a, 'o4', 'j-001');
  // From the topic's next version on it goes by the new meaning, and so do all who follow it.
  await stored(a, { ...topic, title: 'again' });
  u.push(...(await flow('k', [a, b], 4)).right);
  await tell(b, 'o5', 'k-002');
  await tell(a, 'o6', 'k-001');
  await stored(b, patient('h-end', 'green', 'blue'));
  await tell(b, 'o-end', 'h-end');
  const ofPatients = (ids: string[]) => ids.filter((id) => !id.startsWith('o'));
  const heard = await waitFor(
    async () => {
      const ids = await given('u');
      return ids.includes('h-end') && ids.includes('o-end') && ids;
    },
    { what: 'all to be told' },
  );
  expect(ofPatients(heard)).toEqual([...u, 'h-end']);
  expect((await givenUntil('v', 'o-end')).filter((id) => id.startsWith('o'))).toEqual(['o1', 'o3', 'o6', 'o-end']);
  const { json } = await request(b, 'GET', 'SubscriptionTopic/hair');
  expect(JSON.stringify(json)).toContain(at('right'));
}, 60_000);

test('behind _has they are refused, and what nobody defined is, too', async () => {
  await stored(a, parameter('nose', 'left'));
  for (const [criteria, why] of [
    ['Organization?_has:Patient:organization:nose=blue', 'asks behind _has by a parameter that a client defined'],
    ['Patient?nase=blue', "'nase' is unknown for Patient"],
    ['Patient?nose:of-type=x', 'is not system|code|value'],
  ] as const) {
    const { status, issue } = await put(b, subscription('refused', criteria));
    expect([status, issue['expression']]).toEqual([422, ['Subscription.criteria']]);
    expect(issue['diagnostics']).toContain(why);
  }
  const told = await request(a, 'PUT', 'Subscription/told', subscription('told', 'Patient?nose=blue'), {
    prefer: 'return=OperationOutcome',
  });
  expect(told.json['issue']).toContainEqual(
    expect.objectContaining({
      severity: 'information',
      diagnostics: expect.stringContaining('"nose" means to this Subscription'),
    }),
  );
  const tried = await request(b, 'POST', 'Subscription/$dry-run', {
    resourceType: 'Parameters',
    parameter: [{ name: 'subscription', resource: subscription('tried', 'Patient?nose=blue') }],
  });
  expect(tried.json['parameter']).toContainEqual(expect.objectContaining({ name: 'wouldNotify' }));
  expect((tried.json['parameter'] as Json[]).filter(({ name }) => name === 'event').length).toBeGreaterThan(10);
});
