import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readdirSync } from 'node:fs';
import { cloneDatabase, type TestDatabase } from '../support/clone-database.js';
import { type Hub, startHub } from '../support/start-hub.js';

let database: TestDatabase;
let hub: Hub;

beforeAll(async () => {
  database = await cloneDatabase();
  hub = await startHub({ database });
});

afterAll(async () => {
  await hub.stop();
  await database.drop();
});

const call = async (method: string, path: string, body?: object) => {
  const response = await fetch(`${hub.fhir}/${path}`, {
    method,
    headers: { 'Content-Type': 'application/fhir+json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown> };
};

const names = readdirSync('topics')
  .filter((name) => name.endsWith('.json'))
  .map((name) => name.slice(0, -'.json'.length));

describe('topics that come with the hub', () => {
  test('are there at the first start', async () => {
    expect(names.length).toBeGreaterThanOrEqual(12);
    for (const name of names) {
      const { status, body } = await call('GET', `SubscriptionTopic/${name}`);
      expect({ name, status, url: body.url }).toEqual({ name, status: 200, url: `https://carillon.example/topics/${name}` });
    }
  });

  test('stay as an operator changed or deleted them, and get no second version', async () => {
    const { body: changed } = await call('GET', 'SubscriptionTopic/admission');
    await call('PUT', 'SubscriptionTopic/admission', { ...changed, title: 'Ours' });
    await call('DELETE', 'SubscriptionTopic/transfer');
    await hub.stop();
    hub = await startHub({ database });
    expect((await call('GET', 'SubscriptionTopic/admission')).body.title).toBe('Ours');
    expect((await call('GET', 'SubscriptionTopic/transfer')).status).toBe(410);
    expect((await call('GET', 'SubscriptionTopic/discharge')).body.meta).toMatchObject({ versionId: '1' });
  });
});

describe('writing topics and subscriptions', () => {
  const subscription = (criteria: string, filters: string[] = []) => ({
    resourceType: 'Subscription',
    status: 'requested',
    reason: 'test',
    criteria,
    _criteria:
      filters.length === 0
        ? undefined
        : {
            extension: filters.map((valueString) => ({
              url: 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-filter-criteria',
              valueString,
            })),
          },
    channel: {
      type: 'websocket',
      payload: 'application/fhir+json',
      _payload: {
        extension: [
          {
            url: 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-payload-content',
            valueCode: 'id-only',
          },
        ],
      },
    },
  });

  test('a topic that cannot be computed is refused, with the element', async () => {
    const { status, body } = await call('POST', 'SubscriptionTopic', {
      resourceType: 'SubscriptionTopic',
      url: 'http://example.org/bad',
      status: 'active',
      resourceTrigger: [{ resource: 'Encounter', queryCriteria: { current: 'no-such-parameter=1' } }],
    });
    expect(status).toBe(422);
    expect(body).toMatchObject({ issue: [{ expression: ['SubscriptionTopic.resourceTrigger[0].queryCriteria.current'] }] });
  });

  test('a topic takes subscriptions as soon as it is stored, and none any more once it is retired', async () => {
    const topic = {
      resourceType: 'SubscriptionTopic',
      id: 'mine',
      url: 'http://example.org/mine',
      status: 'active',
      resourceTrigger: [{ resource: 'Encounter' }],
      canFilterBy: [{ resource: 'Encounter', filterParameter: 'patient' }],
    };
    expect((await call('POST', 'Subscription', subscription('http://example.org/mine'))).status).toBe(422);
    await call('PUT', 'SubscriptionTopic/mine', topic);
    expect(
      (await call('POST', 'Subscription', subscription('http://example.org/mine', ['Encounter?patient=Patient/1']))).status,
    ).toBe(201);
    const undeclared = await call('POST', 'Subscription', subscription('http://example.org/mine', ['Encounter?status=finished']));
    expect(undeclared).toMatchObject({ status: 422, body: { issue: [{ expression: ['Subscription.criteria.extension[0]'] }] } });
    await call('PUT', 'SubscriptionTopic/mine', { ...topic, status: 'retired' });
    expect((await call('POST', 'Subscription', subscription('http://example.org/mine'))).status).toBe(422);
  });

  const versioned = (id: string, more: object) => ({
    resourceType: 'SubscriptionTopic',
    id,
    url: 'http://example.org/versioned',
    status: 'active',
    resourceTrigger: [{ resource: 'Encounter' }],
    ...more,
  });

  test('a canonical names a version, or the newest that is active; drafts and what is retired take no subscriptions', async () => {
    const patient = [{ resource: 'Encounter', filterParameter: 'patient' }];
    const status = [{ resource: 'Encounter', filterParameter: 'status' }];
    const put = async (id: string, more: object) =>
      expect((await call('PUT', `SubscriptionTopic/${id}`, versioned(id, more))).status).toBeLessThan(300);
    await put('v9', { version: '1.9', canFilterBy: patient });
    await put('v10', { version: '1.10', canFilterBy: status });
    await put('v11', { version: '1.11', status: 'draft' });
    const code = async (criteria: string, filter: string) =>
      (await call('POST', 'Subscription', subscription(criteria, [filter]))).status;
    expect(await code('http://example.org/versioned', 'Encounter?status=finished')).toBe(201);
    expect(await code('http://example.org/versioned', 'Encounter?patient=Patient/1')).toBe(422);
    expect(await code('http://example.org/versioned|1.9', 'Encounter?patient=Patient/1')).toBe(201);
    expect((await call('POST', 'Subscription', subscription('http://example.org/versioned|1.11'))).status).toBe(422);
    expect((await call('POST', 'Subscription', subscription('http://example.org/versioned|2'))).status).toBe(422);
    await put('v10', { version: '1.10', status: 'retired', canFilterBy: status });
    expect(await code('http://example.org/versioned', 'Encounter?patient=Patient/1')).toBe(201);
  });

  test('a derived topic may add filters; it drops none and is about the same resources', async () => {
    const filters = [{ resource: 'Encounter', filterParameter: 'length', modifier: ['gt', 'lt'] }];
    const parent = { ...versioned('parent', { canFilterBy: filters }), url: 'http://example.org/parent' };
    await call('PUT', 'SubscriptionTopic/parent', parent);
    const derived = async (more: object) => {
      const topic = { ...versioned('child', more), url: 'http://example.org/child', derivedFrom: ['http://example.org/parent'] };
      const { status, body } = await call('PUT', 'SubscriptionTopic/child', topic);
      return [status, (body.issue as { expression?: string[] }[] | undefined)?.[0]?.expression?.[0]];
    };
    const refused = [422, 'SubscriptionTopic.derivedFrom[0]'];
    expect(await derived({})).toEqual(refused);
    expect(await derived({ canFilterBy: [{ ...filters[0], modifier: ['gt'] }] })).toEqual(refused);
    expect(await derived({ canFilterBy: filters, resourceTrigger: [{ resource: 'Patient' }] })).toEqual([
      422,
      expect.any(String),
    ]);
    expect(await derived({ canFilterBy: [...filters, { resource: 'Encounter', filterParameter: 'status' }] })).toEqual([
      201,
      undefined,
    ]);
  });
});
