import { expect, test } from '@jest/globals';
import { FhirError } from '../../../src/fhir/fhir-error.js';
import { type StoredSubscription, StoredSubscriptions } from '../../../src/subscriptions/stored-subscriptions.js';
import { SubscriptionRule } from '../../../src/subscriptions/subscription-rule.js';
import { CurrentCatalog } from '../../../src/topics/current-catalog.js';
import { ChangeMaker } from '../../support/changes.js';
import { SEMANTICS } from '../../support/semantics.js';
import { MemoryStoredTopics } from '../../support/twins/memory-stored-topics.js';

const maker = new ChangeMaker();
const TOPICS = new MemoryStoredTopics(
  [
    ['t', 'active', '1.0'],
    ['old', 'retired', '1.0'],
  ].map(([id, status, version]) =>
    maker.put({
      resourceType: 'SubscriptionTopic',
      id: id!,
      url: `http://x/${id}`,
      version,
      status,
      resourceTrigger: [{ resource: 'Encounter' }],
      canFilterBy: [{ resource: 'Encounter', filterParameter: 'patient' }],
    }),
  ),
);

class Stored extends StoredSubscriptions {
  constructor(private readonly resource?: object) {
    super();
  }
  current(): Promise<StoredSubscription | undefined> {
    return Promise.resolve(this.resource && { text: JSON.stringify(this.resource), version: 4, face: 'r4b' });
  }
}

const BP = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-';
const topical = (more: object = {}, channel: object = {}) => ({
  resourceType: 'Subscription',
  status: 'requested',
  reason: 'r',
  criteria: 'http://x/t',
  channel: {
    type: 'rest-hook',
    endpoint: 'http://127.0.0.1:9/h',
    payload: 'application/fhir+json',
    _payload: { extension: [{ url: `${BP}payload-content`, valueCode: 'empty' }] },
    ...channel,
  },
  ...more,
});
const classic = (more: object = {}) => ({
  resourceType: 'Subscription',
  status: 'requested',
  reason: 'r',
  criteria: 'Observation?code=1',
  channel: { type: 'rest-hook', endpoint: 'http://127.0.0.1:9/h' },
  ...more,
});

async function apply(next: object, stored?: object) {
  const rule = new SubscriptionRule(
    new Stored(stored),
    new CurrentCatalog(TOPICS, SEMANTICS),
    SEMANTICS,
    () => new Date('2026-01-01'),
  );
  const text = JSON.stringify(next);
  const ruled = await rule.apply({ text, value: JSON.parse(text) as Record<string, unknown> }, 's', 'r4b');
  expect(JSON.parse(ruled.text)).toEqual(ruled.value);
  return ruled.value;
}

async function refusedAt(next: object, stored?: object): Promise<string | undefined> {
  const error: unknown = await apply(next, stored).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(FhirError);
  expect((error as FhirError).status).toBe(422);
  return (error as FhirError).issues[0]?.expression;
}

test('a rest-hook of a topic is stored as requested, whatever the client wrote', async () => {
  expect(await apply(topical({ status: 'active' }))).toMatchObject({ status: 'requested' });
});

test('classic ones and sockets need no handshake and are active', async () => {
  expect(await apply(classic())).toMatchObject({ status: 'active' });
  expect(await apply(topical({}, { type: 'websocket', endpoint: undefined }))).toMatchObject({ status: 'active' });
});

test('the error text is the hub’s: dropped when a client brings it, kept while the status stays', async () => {
  expect(await apply(topical({ error: 'mine' }))).not.toHaveProperty('error');
  const failed = topical({ status: 'error', error: 'no answer' });
  expect(await apply({ ...failed, error: 'mine' }, failed)).toMatchObject({ status: 'error', error: 'no answer' });
  expect(await apply({ ...failed, status: 'requested' }, failed)).not.toHaveProperty('error');
});

test('a new endpoint, header or filter is verified anew; a new reason is not', async () => {
  const stored = topical({ status: 'active' });
  expect(await apply({ ...stored, reason: 'other' }, stored)).toMatchObject({ status: 'active' });
  expect(await apply(topical({ status: 'active' }, { endpoint: 'http://127.0.0.1:9/other' }), stored)).toMatchObject({
    status: 'requested',
  });
  expect(await apply(topical({ status: 'active' }, { header: ['X: 1'] }), stored)).toMatchObject({ status: 'requested' });
  const filtered = { ...stored, _criteria: { extension: [{ url: `${BP}filter-criteria`, valueString: 'patient=Patient/1' }] } };
  expect(await apply(filtered, stored)).toMatchObject({ status: 'requested' });
});

test('an unknown or retired topic, an undeclared filter and criteria that mean nothing are refused', async () => {
  expect(await refusedAt(topical({ criteria: 'http://x/none' }))).toBe('Subscription.criteria');
  expect(await refusedAt(topical({ criteria: 'http://x/t|9' }))).toBe('Subscription.criteria');
  expect(await refusedAt(topical({ criteria: 'http://x/old' }))).toBe('Subscription.criteria');
  const filtered = topical({ _criteria: { extension: [{ url: `${BP}filter-criteria`, valueString: 'status=x' }] } });
  expect(await refusedAt(filtered)).toBe('Subscription.criteria.extension[0]');
  expect(await refusedAt(classic({ criteria: 'Observation?no-such=1' }))).toBe('Subscription.criteria');
  expect(await refusedAt(classic({ criteria: 'Nonsense?code=1' }))).toBe('Subscription.criteria');
});

test('criteria may look at other resources, as far as that can be tested for each change', async () => {
  for (const criteria of [
    'Observation?patient.name=x',
    'Observation?patient.organization.partof.name:contains=x',
    'Patient?_has:Observation:patient:code:not=x',
    'Observation?patient._has:Group:member:_id=g',
  ])
    expect(await apply(classic({ criteria }))).toMatchObject({ status: 'active' });
  for (const criteria of [
    'Observation?patient.nonsense=x',
    'Patient?_has:Observation:patient:code:text=x',
    'Patient?_has:Observation:patient:performer.name=x',
    'Patient?_has:Observation:patient:_has:Provenance:target:agent=x',
    'Observation?patient._has:Observation:patient:performer.name=x',
  ])
    expect(await refusedAt(classic({ criteria }))).toBe('Subscription.criteria');
});

test('a subscription keeps its topic', async () => {
  expect(await refusedAt(topical({ criteria: 'http://x/t|1.0' }), topical())).toBe('Subscription.criteria');
  expect(await refusedAt(classic(), topical())).toBe('Subscription.criteria');
  expect(await apply(classic({ criteria: 'Patient?active=true' }), classic())).toMatchObject({ status: 'active' });
});

test('one whose topic was retired can still be switched off', async () => {
  const stored = topical({ criteria: 'http://x/old', status: 'active' });
  expect(await apply({ ...stored, status: 'off' }, stored)).toMatchObject({ status: 'off' });
  expect(await refusedAt({ ...stored, status: 'requested' }, stored)).toBe('Subscription.criteria');
});

test('an end that has passed is refused, except when switching off', async () => {
  expect(await refusedAt(topical({ end: '2025-12-31T00:00:00Z' }))).toBe('Subscription.end');
  const ended = topical({ status: 'active', end: '2025-12-31T00:00:00Z' });
  expect(await apply({ ...ended, status: 'off' }, ended)).toMatchObject({ status: 'off' });
});

test('only the hub says error', async () => {
  expect(await refusedAt(topical({ status: 'error' }))).toBe('Subscription.status');
});

test('digits of an extension survive the edit', async () => {
  const rule = new SubscriptionRule(new Stored(), new CurrentCatalog(TOPICS, SEMANTICS), SEMANTICS);
  const value = { ...classic(), extension: [{ url: 'http://x/e', valueDecimal: 0 }] };
  const text = JSON.stringify(value).replace('"valueDecimal":0', '"valueDecimal":1.500');
  expect((await rule.apply({ text, value }, 's', 'r4b')).text).toContain('"valueDecimal":1.500');
});

test('says of criteria without an equality or a bound that every change is tested for them', async () => {
  const rule = new SubscriptionRule(new Stored(), new CurrentCatalog(TOPICS, SEMANTICS), SEMANTICS);
  const channel = { type: 'rest-hook', endpoint: 'http://127.0.0.1:9/h' };
  const remarks = (criteria: string) =>
    rule.remarks({ ...topical(), criteria, ...(criteria.startsWith('http') ? {} : { channel }) }, 's', 'r4b');
  expect(await remarks('Observation?status:not=final&value-string:contains=x')).toEqual([
    expect.objectContaining({ severity: 'warning', code: 'too-costly', expression: 'Subscription.criteria' }),
  ]);
  for (const costsNobody of ['Observation?status:not=final&patient=p', 'Observation?date=gt2026', 'Observation', 'http://x/t'])
    expect(await remarks(costsNobody)).toEqual([]);
});

test('who looks at other resources is told that their own changes are no events', async () => {
  const rule = new SubscriptionRule(new Stored(), new CurrentCatalog(TOPICS, SEMANTICS), SEMANTICS);
  const codes = async (criteria: string) => (await rule.remarks(classic({ criteria }), 's', 'r4b')).map(({ code }) => code);
  expect(await codes('Observation?status=final&patient.gender=male')).toEqual(['business-rule']);
  expect(await codes('Observation?patient.gender=male')).toEqual(['business-rule', 'too-costly']);
  expect(await codes('Patient?_has:Observation:patient:code=x')).toEqual(['business-rule', 'too-costly']);
});
