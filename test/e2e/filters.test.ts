import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Hub, startHub } from '../support/start-hub.js';
import { Client, type FaceName, readNotification, topicSubscription } from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';

/**
 * What filters let through. The changes are made once, at the first need, after every row has subscribed in both faces; `$events` says
 * what each heard of.
 */

const TOPIC = 'http://example.org/encounters-and-observations';
const topic = {
  resourceType: 'SubscriptionTopic',
  id: 'both',
  url: TOPIC,
  status: 'active',
  resourceTrigger: [{ resource: 'Encounter' }, { resource: 'Observation' }],
  canFilterBy: [
    { resource: 'Encounter', filterParameter: 'patient' },
    { resource: 'Observation', filterParameter: 'patient' },
    { resource: 'Encounter', filterParameter: 'status' },
    { resource: 'Observation', filterParameter: 'code', modifier: ['=', 'in'] },
    { resource: 'Observation', filterParameter: 'value-quantity', modifier: ['gt', 'le', 'ne'] },
    { resource: 'Observation', filterParameter: 'date', modifier: ['=', 'ge'] },
    { resource: 'Observation', filterParameter: 'patient.gender' },
    { filterParameter: '_id' },
    { filterParameter: '_tag' },
  ],
};

const encounter = (id: string, status: string, patient: string) => ({
  resourceType: 'Encounter',
  id,
  status,
  class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: id === 'e1' ? 'IMP' : 'AMB' },
  subject: { reference: `Patient/${patient}` },
});
const observation = (id: string, code: string, value: number, patient: string) => ({
  resourceType: 'Observation',
  id,
  meta: id === 'o1' ? { tag: [{ system: 'http://x', code: 'urgent' }] } : undefined,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code }] },
  subject: { reference: `Patient/${patient}` },
  effectiveDateTime: id === 'o1' ? '2026-01-01' : '2026-02-01',
  valueQuantity: { value, unit: 'g/dL', system: 'http://unitsofmeasure.org', code: 'g/dL' },
});

/** In this order: e1 a planned, e2 b planned, o1 a, o2 b, e1 updated to finished, e2 updated and then deleted. */
const CHANGES: (object & { resourceType: string; id: string })[] = [
  encounter('e1', 'planned', 'a'),
  encounter('e2', 'planned', 'b'),
  observation('o1', '718-7', 7.2, 'a'),
  observation('o2', '1975-2', 12, 'b'),
  encounter('e1', 'finished', 'a'),
  encounter('e2', 'cancelled', 'b'),
];
const ALL = ['e1', 'e2', 'o1', 'o2', 'e1', 'e2', 'e2'];

const rows: [filters: string[], heard: string[]][] = [
  [[], ALL],
  // The forms.
  [['Encounter?patient=Patient/a'], ['e1', 'o1', 'o2', 'e1']],
  [['Encounter.patient=Patient/a'], ['e1', 'o1', 'o2', 'e1']],
  [['patient=Patient/a'], ['e1', 'o1', 'e1']],
  [['/Encounter?patient=Patient/a'], ['e1', 'o1', 'o2', 'e1']],
  [['patient=a'], ['e1', 'o1', 'e1']],
  [['patient=Patient%2Fa'], ['e1', 'o1', 'e1']],
  [['patient=BASE/Patient/a'], ['e1', 'o1', 'e1']],
  [['_id=o1'], ['o1']],
  [['_tag=http://x|urgent'], ['o1']],
  // Commas are or; & and repetition are and.
  [['patient=Patient/a,Patient/b'], ALL],
  [['Encounter?patient=Patient/a&status=finished'], ['o1', 'o2', 'e1']],
  [
    ['Encounter?patient=Patient/a', 'Encounter?status=finished'],
    ['o1', 'o2', 'e1'],
  ],
  [['patient=Patient/a', 'patient=Patient/b'], []],
  // Each type by its own filters.
  [
    ['Encounter?patient=Patient/a', 'Observation?code=http://loinc.org|1975-2'],
    ['e1', 'o2', 'e1'],
  ],
  [['code=718-7'], ['e1', 'e2', 'o1', 'e1', 'e2', 'e2']],
  // Creation and update are judged by the new state, deletion by the last one.
  [
    ['Encounter?status=planned', 'Observation?code=none'],
    ['e1', 'e2'],
  ],
  [
    ['Encounter?status=cancelled', 'Observation?code=none'],
    ['e2', 'e2'],
  ],
  // Declared modifiers and comparators.
  [
    ['Observation?value-quantity=ne12', 'Encounter?status=finished'],
    ['o1', 'e1'],
  ],
  [['Observation?value-quantity=gt10', 'Encounter?status=none'], ['o2']],
  [['Observation?value-quantity=le7.2', 'Encounter?status=none'], ['o1']],
  [['Observation?date=ge2026-01-15', 'Encounter?status=none'], ['o2']],
  [['Observation?date=2026-01-01', 'Encounter?status=none'], ['o1']],
];

let hub: Hub;
const heard = new Map<string, string[]>();
const key = (face: FaceName, filters: string[]) => `${face} ${filters.join(' ')}`;
const ofFilters = (client: Client, filters: string[]) =>
  topicSubscription({
    topic: TOPIC,
    type: 'websocket',
    filters: filters.map((filter) => filter.replace('BASE', client.base)),
  });

beforeAll(async () => {
  hub = await startHub();
  const clients = { r4b: new Client(hub, 'r4b'), r4: new Client(hub, 'r4') };
  expect((await clients.r4b.send('PUT', 'SubscriptionTopic/both', topic)).status).toBe(201);
  const watches: { id: string; face: FaceName; filters: string[] }[] = [];
  for (const face of ['r4b', 'r4'] as const) {
    for (const [filters] of rows) {
      const { id } = await clients[face].create(ofFilters(clients[face], filters));
      watches.push({ id, face, filters });
    }
  }
  for (const change of CHANGES) {
    expect((await clients.r4b.send('PUT', `${change.resourceType}/${change.id}`, change)).status).toBeLessThan(300);
  }
  await clients.r4b.send('DELETE', 'Encounter/e2');
  const events = async ({ id, face }: (typeof watches)[number]) =>
    readNotification(await clients[face].events(id)).events.map(({ focus }) => focus!.split('/').at(-1)!);
  await waitFor(async () => (await events(watches[0]!)).length === ALL.length);
  for (const watch of watches) heard.set(key(watch.face, watch.filters), await events(watch));
}, 180_000);
afterAll(() => hub?.stop());

describe.each<FaceName>(['r4b', 'r4'])('in the face %s', (face) => {
  test.each(rows)('%j let through %j', (filters, expected) => {
    expect(heard.get(key(face, filters))).toEqual(expected);
  });

  test.each([
    ['Encounter?length=5', 'an undeclared parameter'],
    ['Patient?name=x', 'a type the topic is not about'],
    ['Encounter?code=1', 'a parameter declared for another type'],
    ['Observation?code:not=1', 'an undeclared modifier'],
    ['patient:missing=true', 'a modifier where none is declared'],
    ['Observation?value-quantity=5', 'equality where only comparators are declared'],
    ['Observation?value-quantity=lt5', 'an undeclared comparator'],
    ['Observation?value-quantity=gt5,lt1', 'an undeclared comparator behind a declared one'],
    ['Observation?value-quantity=gt', 'a comparator without a value'],
    ['Observation?date=ge2026-13', 'a value that is none'],
    ['Observation?patient.gender:not=male', 'an undeclared modifier of a chain'],
    ['Observation?patient.name=x', 'an undeclared chain'],
    ['Observation?code:in=http://example.org/ValueSet/x', 'a declared modifier that the hub cannot evaluate'],
    ['no filter at all', 'what is no filter'],
  ])('%s is refused: %s', async (filter) => {
    const client = new Client(hub, face);
    const { status, body } = await client.send('POST', 'Subscription', ofFilters(client, ['patient=Patient/a', filter]));
    expect({ status, expression: body.issue[0].expression }).toEqual({
      status: 422,
      expression: ['Subscription.criteria.extension[1]'],
    });
  });
});
