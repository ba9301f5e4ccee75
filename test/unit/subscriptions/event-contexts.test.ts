import { expect, test } from '@jest/globals';
import type { Change } from '../../../src/fhir/change.js';
import { EventParts, type NotifiedVersion } from '../../../src/fhir/event-parts.js';
import { EventContexts } from '../../../src/subscriptions/event-contexts.js';
import type { GroupEvent } from '../../../src/subscriptions/event-log.js';
import { CurrentCatalog } from '../../../src/topics/current-catalog.js';
import { SEMANTICS } from '../../support/semantics.js';
import { ChangeMaker } from '../../support/changes.js';
import { MemoryContextStore } from '../../support/twins/memory-context-store.js';
import { MemoryStoredTopics } from '../../support/twins/memory-stored-topics.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- tests look into any resource */

const TOPIC = 'http://x/t';
const BASE = 'http://hub/fhir/r4b';

/** A log of topics in a test's hands. */
class Topics {
  private readonly log: Change[] = [];
  private readonly maker = new ChangeMaker();
  readonly stored = new MemoryStoredTopics(this.log);

  put(id: string, value: { resourceType: string }): void {
    this.log.push(this.maker.put({ ...value, id }));
  }
  remove(id: string): void {
    this.log.push(this.maker.remove('SubscriptionTopic', id));
  }
}

const topic = (more: object = {}) => ({
  resourceType: 'SubscriptionTopic',
  url: TOPIC,
  version: '1',
  status: 'active',
  resourceTrigger: [{ resource: 'Encounter' }, { resource: 'Observation' }],
  notificationShape: [{ resource: 'Encounter', include: ['Encounter:patient'], revInclude: ['Observation:encounter'] }],
  ...more,
});

function version(name: string, content: object | null = {}, number = 1): NotifiedVersion {
  const [type, id] = name.split('/') as [string, string];
  const body = content && JSON.stringify({ resourceType: type, id, ...content });
  const interaction = body === null ? 'delete' : number === 1 ? 'create' : 'update';
  return { type, id, version: number, interaction, method: body === null ? 'DELETE' : 'PUT', at: new Date(0), body };
}

function event(groupId: number, n: number, focus: NotifiedVersion): GroupEvent {
  return { groupId, n, focus, parts: new EventParts(focus) };
}

const encounter = (id: string, patient: string) => version(`Encounter/${id}`, { subject: { reference: `Patient/${patient}` } });

function given(mostBytes?: number) {
  const store = new MemoryContextStore(SEMANTICS, mostBytes);
  const topics = new Topics();
  topics.put('t', topic());
  store.topics.set(1, TOPIC).set(2, `${TOPIC}|1`);
  const unreadable: string[] = [];
  const contexts = new EventContexts(store, new CurrentCatalog(topics.stored, SEMANTICS), SEMANTICS, (_, { type, id }) =>
    unreadable.push(`${type}/${id}`),
  );
  return { store, topics, contexts, unreadable };
}

/** What an id-only notification on R4B refers to beside the focus. */
function contextOf({ parts }: GroupEvent): string[] {
  const { detail } = parts.of('r4b', BASE, 'id-only');
  const { additionalContext = [] } = JSON.parse(`{"n":1${detail}}`) as any;
  return additionalContext.map(({ reference }: any) => reference.slice(BASE.length + 1));
}

test('an event gets what is included, then what refers to its focus; at level empty nothing of it shows', async () => {
  const { store, contexts } = given();
  const focus = encounter('e1', 'p1');
  store.versions.push(focus, version('Patient/p1'), version('Observation/b1', { encounter: { reference: 'Encounter/e1' } }));
  const [one] = await contexts.addTo([event(1, 1, focus)], 1);
  expect(contextOf(one!)).toEqual(['Patient/p1', 'Observation/b1']);
  const full = one!.parts.of('r4', BASE, 'full-resource');
  expect(full.detail.match(/additional-context/g)).toHaveLength(2);
  const entries = full.entries.map(({ text }) => JSON.parse(text));
  expect(entries.map(({ resource, request, response }: any) => [resource.id, request, response.status])).toEqual([
    ['e1', { method: 'PUT', url: 'Encounter/e1' }, '201'],
    ['p1', { method: 'GET', url: 'Patient/p1' }, '200'],
    ['b1', { method: 'GET', url: 'Observation/b1' }, '200'],
  ]);
  expect(one!.parts.of('r4b', BASE, 'empty')).toEqual({ detail: expect.not.stringContaining('Patient'), entries: [] });
});

test('a batch is looked up at once, and one change in several groups of a topic only once', async () => {
  const { store, contexts } = given();
  const focuses = Array.from({ length: 50 }, (_, n) => encounter(`e${n}`, `p${n % 5}`));
  store.versions.push(...focuses, ...Array.from({ length: 5 }, (_, n) => version(`Patient/p${n}`)));
  const events = focuses.flatMap((focus, n) => [event(1, n + 1, focus), event(2, n + 1, focus)]);
  const found = await contexts.addTo(events, 1);
  expect(store.calls).toEqual(['topicsOf', 'find']);
  expect(found.map(({ groupId, n }) => [groupId, n])).toEqual(events.map(({ groupId, n }) => [groupId, n]));
  expect(found.map(contextOf)).toEqual(events.map(({ n }) => [`Patient/p${(n - 1) % 5}`]));
});

test('what no shape is about is passed on as it is, without a look at the database', async () => {
  const { store, contexts } = given();
  const events = [event(1, 1, version('Observation/b1'))];
  expect(await contexts.addTo(events, 1)).toBe(events);
  expect(await contexts.addTo([], 1)).toEqual([]);
  expect(store.calls).toEqual([]);
});

test('groups of classic criteria are asked about once', async () => {
  const { store, contexts } = given();
  const events = [event(7, 1, encounter('e1', 'p1'))];
  expect(await contexts.addTo(events, 1)).toBe(events);
  expect(await contexts.addTo(events)).toBe(events);
  expect(store.calls).toEqual(['topicsOf']);
});

test('a topic that was written since is read anew', async () => {
  const { store, topics, contexts } = given();
  const focus = encounter('e1', 'p1');
  store.versions.push(focus, version('Patient/p1'));
  expect(contextOf((await contexts.addTo([event(1, 1, focus)], 1))[0]!)).toEqual(['Patient/p1']);
  topics.put('t', topic({ notificationShape: undefined }));
  expect(contextOf((await contexts.addTo([event(1, 2, focus)], 2))[0]!)).toEqual([]);
  topics.put('t', topic({ status: 'retired' }));
  store.written = 3;
  // Events of the past keep the shape of their topic when it retires.
  expect(contextOf((await contexts.addTo([event(1, 2, focus)]))[0]!)).toEqual(['Patient/p1']);
  topics.remove('t');
  expect(contextOf((await contexts.addTo([event(1, 2, focus)], 4))[0]!)).toEqual([]);
});

test('of a delete the version before it says what is included', async () => {
  const { store, contexts } = given();
  const deleted = version('Encounter/e1', null, 2);
  store.versions.push(encounter('e1', 'p1'), deleted, version('Patient/p1'));
  store.versions.push(version('Observation/b1', { encounter: { reference: 'Encounter/e1' } }));
  const unknown = version('Encounter/e9', null, 7);
  const found = await contexts.addTo([event(1, 1, deleted), event(1, 2, unknown)], 1);
  expect(found.map(contextOf)).toEqual([['Patient/p1', 'Observation/b1'], []]);
  const [focus] = found[0]!.parts.of('r4b', BASE, 'full-resource').entries;
  expect(JSON.parse(focus!.text)).not.toHaveProperty('resource');
});

test('an included resource is the current one, and a deleted one is left out', async () => {
  const { store, contexts } = given();
  const focuses = [encounter('e1', 'p1'), encounter('e2', 'p2'), encounter('e3', 'nobody')];
  store.versions.push(version('Patient/p1'), version('Patient/p1', { active: true }, 2));
  store.versions.push(version('Patient/p2'), version('Patient/p2', null, 2));
  const found = await contexts.addTo(
    focuses.map((focus, index) => event(1, index + 1, focus)),
    1,
  );
  expect(found.map(contextOf)).toEqual([['Patient/p1'], [], []]);
  expect(found[0]!.parts.of('r4b', BASE, 'full-resource').entries[1]!.text).toContain('"active":true');
});

test('where texts are too large to be read together, each event still gets all that fits for it alone', async () => {
  const { store, contexts } = given(3000);
  const focuses = Array.from({ length: 9 }, (_, n) => encounter(`e${n}`, `p${n}`));
  store.versions.push(
    ...focuses.map((_, n) => version(`Patient/p${n}`, { id: `p${n}`, note: 'x'.repeat(n === 4 ? 4000 : 2000) })),
  );
  const found = await contexts.addTo(
    focuses.map((focus, index) => event(1, index + 1, focus)),
    1,
  );
  expect(found.map((one) => contextOf(one).length)).toEqual([1, 1, 1, 1, 0, 1, 1, 1, 1]);
});

test('a shape that iterates is read at one moment, and what cannot be read adds nothing more', async () => {
  const { store, topics, contexts, unreadable } = given();
  const iterating = { resource: 'Encounter', include: ['Encounter:patient&iterate=Patient.link'] };
  topics.put('t', topic({ notificationShape: [iterating] }));
  const focus = encounter('e1', 'p1');
  store.versions.push(version('Patient/p1', { link: [{ other: { reference: 'Patient/p2' }, type: 'seealso' }] }));
  store.versions.push({ ...version('Patient/p2'), body: '{' });
  const [one] = await contexts.addTo([event(1, 1, focus)], 2);
  expect(contextOf(one!)).toEqual(['Patient/p1', 'Patient/p2']);
  expect(store.calls).toEqual(['topicsOf', 'atOneMoment', 'find', 'find']);
  expect(unreadable).toEqual(['Patient/p2']);
});
