import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { EndpointReceiver } from '../support/endpoint-receiver.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { classicSubscription, Client, topicSubscription } from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';

/** Criteria and filters that look at other resources: chains and `_has`. */

/* eslint-disable @typescript-eslint/no-explicit-any -- tests look into any resource */

let hub: Hub;
let receiver: EndpointReceiver;
let client: Client;

const ref = (reference: string) => ({ reference });
const patient = (id: string, organization: string, more: object = {}) => ({
  resourceType: 'Patient',
  id,
  name: [{ family: id === 'anna' ? 'Adler' : 'Berg' }],
  managingOrganization: ref(`Organization/${organization}`),
  ...more,
});
const observation = (id: string, who: string, code: string) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [{ system: 'http://x', code }] },
  subject: ref(`Patient/${who}`),
});
const encounter = (id: string, who: string) => ({
  resourceType: 'Encounter',
  id,
  status: 'planned',
  class: { code: 'AMB' },
  subject: ref(`Patient/${who}`),
});
const TOPIC = {
  resourceType: 'SubscriptionTopic',
  id: 'linked',
  url: 'http://x/linked',
  status: 'active',
  resourceTrigger: [{ resource: 'Observation' }],
  canFilterBy: [{ resource: 'Observation', filterParameter: 'patient.organization' }],
};

async function put(resource: { resourceType: string; id: string }): Promise<void> {
  const { status, text } = await client.send('PUT', `${resource.resourceType}/${resource.id}`, resource);
  if (status > 201) throw new Error(text);
}

/** A classic Subscription whose notifications name the resource in the path. */
async function subscribe(criteria: string): Promise<string> {
  const path = `/${encodeURIComponent(criteria).replace(/\W/g, '')}`;
  const channel = { payload: 'application/fhir+json' };
  await client.create({ ...classicSubscription(receiver.url(path), channel), criteria });
  return path;
}

/** What a path was told of so far, once there is as much. */
async function heard(path: string, count: number): Promise<string[]> {
  const told = await receiver.waitForCount(count, (request) => request.path.startsWith(`${path}/`));
  return told.map((request) => request.path.slice(path.length + 1));
}

async function foci(id: string, count: number): Promise<string[]> {
  let found: string[] = [];
  await waitFor(
    async () => {
      found = fociOf(await client.events(id));
      return found.length >= count;
    },
    { what: `${count} events of ${id}` },
  );
  return found;
}

const fociOf = (bundle: any): string[] =>
  (bundle.entry[0].resource.notificationEvent ?? []).map(({ focus }: any) => focus.reference.split('/').slice(-2).join('/'));

beforeAll(async () => {
  [hub, receiver] = await Promise.all([startHub(), EndpointReceiver.start()]);
  client = new Client(hub);
  await put(TOPIC);
  for (const id of ['a', 'b']) await put({ resourceType: 'Organization', id, name: id } as never);
  await put(patient('anna', 'a'));
  await put(patient('ben', 'b'));
});
afterAll(async () => {
  await Promise.all([hub?.stop(), receiver?.close()]);
});

test('classic criteria hear of a resource by what it refers to, and by what refers to it', async () => {
  const byHouse = await subscribe('Observation?subject:Patient.organization=Organization/a');
  const byName = await subscribe('Encounter?subject.name=berg');
  const bySalt = await subscribe('Patient?_has:Observation:patient:code=salt');
  const plain = await subscribe('Observation?code=http://x|salt');
  await put(observation('o1', 'anna', 'sugar'));
  await put(observation('o2', 'ben', 'salt'));
  await put(encounter('e1', 'anna'));
  await put(encounter('e2', 'ben'));
  await put(patient('anna', 'a', { active: true }));
  await put(patient('ben', 'b', { active: true }));
  // Others count as they are at the moment of matching: both patients are matched before anna has such a result as well.
  expect(await heard(bySalt, 1)).toEqual(['Patient/ben']);
  await put(observation('o3', 'anna', 'salt'));
  expect(await heard(plain, 2)).toEqual(['Observation/o2', 'Observation/o3']);
  expect(await heard(byHouse, 2)).toEqual(['Observation/o1', 'Observation/o3']);
  expect(await heard(byName, 1)).toEqual(['Encounter/e2']);
  expect(await heard(bySalt, 1)).toEqual(['Patient/ben']);
});

test('other resources count as they are when a resource is matched; their own changes are no events', async () => {
  await put(patient('cora', 'b'));
  await put(observation('o4', 'cora', 'x'));
  const byHouse = await subscribe('Observation?subject:Patient.organization=Organization/a&code=x');
  await put(patient('cora', 'a'));
  await put(observation('o5', 'cora', 'x'));
  expect(await heard(byHouse, 1)).toEqual(['Observation/o5']);
});

test('a filter that its topic declares as a chain', async () => {
  const id = (
    await client.create(
      topicSubscription({ topic: TOPIC.url, endpoint: receiver.url('/t'), filters: ['patient.organization=Organization/b'] }),
    )
  ).id as string;
  await client.untilStatus(id, 'active');
  await put(observation('f1', 'anna', 'y'));
  await put(observation('f2', 'ben', 'y'));
  await client.send('DELETE', 'Observation/f2');
  expect(await foci(id, 2)).toEqual(['Observation/f2', 'Observation/f2']);
});

test('$explain and $dry-run say of links what matching found', async () => {
  const criteria = 'Observation?code=z&subject:Patient.organization=Organization/a';
  const subscription = { ...classicSubscription(receiver.url('/z'), { payload: 'application/fhir+json' }), criteria };
  const id = (await client.create(subscription)).id as string;
  await put(observation('z1', 'anna', 'z'));
  await put(observation('z2', 'ben', 'z'));
  await put(observation('z3', 'anna', 'z'));
  expect(await heard('/z', 2)).toEqual(['Observation/z1', 'Observation/z3']);
  const explained = async (reference: string) => {
    const { body } = await client.send('POST', `Subscription/${id}/$explain`, {
      resourceType: 'Parameters',
      parameter: [{ name: 'reference', valueString: reference }],
    });
    const { part } = body.parameter.find(({ name }: any) => name === 'subscription');
    const value = (parts: any[], wanted: string) => parts.find(({ name }: any) => name === wanted);
    return {
      outcome: value(part, 'outcome').valueCode,
      predicates: part
        .filter(({ name }: any) => name === 'predicate')
        .map(({ part: parts }: any) => [value(parts, 'expression').valueString, value(parts, 'held').valueBoolean]),
    };
  };
  const link = 'subject:Patient.organization=Organization/a';
  expect(await explained('Observation/z1')).toEqual({
    outcome: 'event',
    predicates: [
      ['code=z', true],
      [link, true],
    ],
  });
  expect(await explained('Observation/z2')).toEqual({
    outcome: 'criteria',
    predicates: [
      ['code=z', true],
      [link, false],
    ],
  });
  const { body } = await client.send('POST', 'Subscription/$dry-run', {
    resourceType: 'Parameters',
    parameter: [{ name: 'subscription', resource: subscription }],
  });
  const would = body.parameter.filter(({ name }: any) => name === 'event').map(({ part }: any) => part[0].valueString);
  expect(would).toEqual(['Observation/z3/_history/1', 'Observation/z1/_history/1']);
});

test('who subscribes by a link is told what that means, in the OperationOutcome', async () => {
  const response = await fetch(`${client.base}/Subscription`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/fhir+json', Prefer: 'return=OperationOutcome' },
    body: JSON.stringify({ ...classicSubscription(receiver.url()), criteria: 'Observation?status=final&patient.name=x' }),
  });
  const { issue } = (await response.json()) as any;
  expect({ status: response.status, issues: issue.map(({ severity, code }: any) => [severity, code]) }).toEqual({
    status: 201,
    issues: [
      ['information', 'informational'],
      ['warning', 'business-rule'],
    ],
  });
});

test.each(['previous', 'current'])('a trigger whose %s state is asked about other resources is refused', async (element) => {
  const { status, body } = await client.send('PUT', 'SubscriptionTopic/linked-trigger', {
    ...TOPIC,
    id: 'linked-trigger',
    url: 'http://x/linked-trigger',
    resourceTrigger: [{ resource: 'Observation', queryCriteria: { [element]: 'patient.organization=Organization/a' } }],
  });
  expect({ status, expression: body.issue[0].expression }).toEqual({
    status: 422,
    expression: [`SubscriptionTopic.resourceTrigger[0].queryCriteria.${element}`],
  });
});
