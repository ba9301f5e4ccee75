import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { validateResource } from '../../src/fhir/validate-resource.js';
import { EndpointReceiver } from '../support/endpoint-receiver.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { classicSubscription, Client, type FaceName, labResult, topicSubscription } from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- tests look into any resource */

let hub: Hub;
let receiver: EndpointReceiver;
let topical: string;
let classic: string;
let stored: string;

beforeAll(async () => {
  [hub, receiver] = await Promise.all([startHub(), EndpointReceiver.start()]);
  const client = new Client(hub);
  topical = (
    await client.create(
      topicSubscription({
        endpoint: receiver.url('/topical'),
        filters: ['Observation?patient=Patient/doe', 'Observation?code=1975-2'],
      }),
    )
  ).id;
  classic = (await client.create(classicSubscription(receiver.url('/classic')))).id;
  await client.untilStatus(topical, 'active');
  stored = (await client.create(labResult(1, { subject: { reference: 'Patient/doe' } }), 'Observation')).id;
  await receiver.waitForCount(1, ({ json, path }) => path === '/topical' && JSON.stringify(json).includes('event-notification'));
});
afterAll(async () => {
  await Promise.all([hub?.stop(), receiver?.close()]);
});

/** Parameters as an object: parts by name, repeated ones as a list. */
function read(parameters: any[]): any {
  const all: Record<string, any[]> = {};
  for (const { name, part, resource, ...value } of parameters)
    (all[name] ??= []).push(part ? read(part) : (resource ?? Object.values(value)[0]));
  return Object.fromEntries(Object.entries(all).map(([name, list]) => [name, LISTS.has(name) ? list : list[0]]));
}
const LISTS = new Set(['subscription', 'trigger', 'predicate', 'value', 'event', 'count']);

async function call(client: Client, path: string, parameter: object[]): Promise<any> {
  const { status, body } = await client.send('POST', path, { resourceType: 'Parameters', parameter });
  expect({ status, issue: body.issue }).toEqual({ status: 200, issue: undefined });
  expect(validateResource(body)).toEqual([]);
  return read(body.parameter);
}

const result = (more: object = {}) => JSON.parse(labResult(1, more)) as object;
const subjectOf = (id: string) => ({ subject: { reference: `Patient/${id}` } });

describe.each<FaceName>(['r4b', 'r4'])('$explain in the face %s', (face) => {
  const client = () => new Client(hub, face);

  test('tells of a stored resource why each Subscription hears of it, and where its delivery stands', async () => {
    await waitFor(async () => {
      const { subscription } = await call(client(), `Subscription/${topical}/$explain`, [
        { name: 'reference', valueReference: { reference: `Observation/${stored}` } },
      ]);
      return subscription[0].delivery.acknowledged === 1;
    });
    const answer = await call(client(), 'Subscription/$explain', [{ name: 'reference', valueString: `Observation/${stored}` }]);
    expect(answer).toMatchObject({
      focus: `Observation/${stored}/_history/1`,
      interaction: 'create',
      considered: 2,
      wouldNotify: 2,
    });
    const one = answer.subscription.find(({ reference }: any) => reference.reference.endsWith(topical));
    expect(one.reference.reference).toBe(`${client().base}/Subscription/${topical}`);
    expect(one).toMatchObject({
      wouldNotify: true,
      outcome: 'event',
      delivery: { status: 'active', lastNumber: 1, acknowledged: 1, owed: 0, failures: 0 },
    });
    expect(one.trigger[0]).toMatchObject({ concerned: true, fired: true });
    expect(one.predicate).toEqual([
      { kind: 'filter', expression: 'patient=Patient/doe', held: true, value: ['Patient/doe'], accessPath: 'equality' },
      { kind: 'filter', expression: 'code=1975-2', held: true, value: ['http://loinc.org|1975-2'], accessPath: 'equality' },
    ]);
  });

  test('names the filter that does not hold and the values it saw', async () => {
    const answer = await call(client(), `Subscription/${topical}/$explain`, [
      { name: 'resource', resource: result(subjectOf('roe')) },
    ]);
    expect(answer).toMatchObject({ considered: 1, wouldNotify: 0 });
    const [one] = answer.subscription;
    expect(one).toMatchObject({ outcome: 'filter', because: expect.stringContaining('patient=Patient/doe') });
    expect(one.predicate[0]).toMatchObject({ held: false, value: ['Patient/roe'] });
  });

  test('knows updates by their previous state, deletes, and what a trigger looks at', async () => {
    const ask = async (parameter: object[]) =>
      (await call(client(), `Subscription/${topical}/$explain`, parameter)).subscription[0];
    const final = { name: 'resource', resource: result(subjectOf('doe')) };
    const preliminary = { name: 'resource', resource: { ...final.resource, status: 'preliminary' } };
    const unfinished = await ask([preliminary]);
    expect(unfinished).toMatchObject({ outcome: 'trigger' });
    expect(unfinished.trigger.flatMap(({ predicate }: any) => predicate ?? []).some(({ held }: any) => !held)).toBe(true);
    expect(await ask([final, { name: 'previous', resource: preliminary.resource }])).toMatchObject({ outcome: 'event' });
    expect(await ask([final, { name: 'interaction', valueCode: 'delete' }])).toMatchObject({ outcome: 'interaction' });
    const classicOne = await call(client(), `Subscription/${classic}/$explain`, [
      { name: 'reference', valueString: `Observation/${stored}` },
      { name: 'interaction', valueCode: 'delete' },
    ]);
    expect(classicOne.subscription[0]).toMatchObject({ outcome: 'interaction', criteria: expect.any(String) });
  });

  test('works by GET too, and counts Subscriptions that are about something else', async () => {
    const patient = await client().create({ resourceType: 'Patient' }, 'Patient');
    const { status, body } = await client().send('GET', `Subscription/$explain?reference=Patient/${patient.id}`);
    expect(status).toBe(200);
    const answer = read(body.parameter);
    expect(answer).toMatchObject({ considered: 2, wouldNotify: 0 });
    expect(answer.subscription).toBeUndefined();
  });

  test('refuses what it cannot explain', async () => {
    const codes = async (path: string, ...parameter: object[]) =>
      (await client().send('POST', path, { resourceType: 'Parameters', parameter })).status;
    const good = { name: 'reference', valueString: `Observation/${stored}` };
    expect(await codes('Subscription/unknown/$explain', good)).toBe(404);
    expect(await codes('Subscription/$explain', { name: 'reference', valueString: 'Observation/none' })).toBe(404);
    expect(await codes('Subscription/$explain')).toBe(400);
    expect(await codes('Subscription/$explain', good, { name: 'resource', resource: result() })).toBe(400);
    expect(await codes('Subscription/$explain', good, { name: 'interaction', valueCode: 'read' })).toBe(400);
    expect(await codes('Subscription/$explain', good, { name: 'surprise', valueString: 'x' })).toBe(400);
    expect(await codes('Subscription/$explain', { name: 'resource', valueString: 'x' })).toBe(400);
    expect(await codes('Subscription/$explain', { name: 'resource', resource: { resourceType: 'Observation' } })).toBe(422);
    expect(await codes('Subscription/$explain', { name: 'resource', resource: { resourceType: 'Nothing' } })).toBe(400);
  });

  test('$dry-run tells which of the last changes would have been events, and leaves no trace', async () => {
    const before = (await client().send('GET', 'Subscription?_total=accurate')).body.total;
    const subscription = topicSubscription({ endpoint: receiver.url('/dry'), filters: ['Observation?patient=Patient/doe'] });
    const answer = await call(client(), 'Subscription/$dry-run', [{ name: 'subscription', resource: subscription }]);
    expect(answer).toMatchObject({ complete: true, wouldNotify: 1 });
    expect(answer.event).toEqual([
      { focus: `Observation/${stored}/_history/1`, interaction: 'create', timestamp: expect.any(String) },
    ]);
    expect(answer.predicate).toEqual([{ kind: 'filter', expression: 'patient=Patient/doe', accessPath: 'equality' }]);
    const counted = answer.count.reduce((sum: number, { changes }: any) => sum + changes, 0);
    expect(counted).toBe(answer.examined);
    expect(answer.count).toContainEqual({ outcome: 'event', changes: 1 });
    expect((await client().send('GET', 'Subscription?_total=accurate')).body.total).toBe(before);
    expect(receiver.to('/dry')).toEqual([]);
    const few = await call(client(), 'Subscription/$dry-run', [
      { name: 'subscription', resource: subscription },
      { name: 'last', valueInteger: 2 },
    ]);
    expect(few).toMatchObject({ examined: 2, complete: true });
  });

  test('$dry-run refuses what the Subscription itself would be refused for', async () => {
    const codes = async (...parameter: object[]) => {
      const { status, body } = await client().send('POST', 'Subscription/$dry-run', { resourceType: 'Parameters', parameter });
      return [status, body.issue?.[0].expression?.[0]];
    };
    const undeclared = topicSubscription({ endpoint: receiver.url('/dry'), filters: ['Observation?encounter-type=x'] });
    expect(await codes({ name: 'subscription', resource: undeclared })).toEqual([422, 'Subscription.criteria.extension[0]']);
    expect(await codes()).toEqual([400, 'subscription']);
    const good = { name: 'subscription', resource: classicSubscription(receiver.url('/dry')) };
    for (const last of ['0', '10001', 'x']) expect(await codes(good, { name: 'last', valueString: last })).toEqual([400, 'last']);
  });
});
