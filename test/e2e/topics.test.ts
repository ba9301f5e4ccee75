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
});
