import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CapabilityStatement } from 'fhir/r4b.js';

import { validateResource } from '../../src/fhir/validate-resource.js';
import { type Hub, startHub } from '../support/start-hub.js';

let hub: Hub;

beforeAll(async () => {
  hub = await startHub();
});

afterAll(() => hub?.stop());

async function metadata(face: string): Promise<CapabilityStatement> {
  const response = await fetch(`${hub.url}/fhir/${face}/metadata`);
  expect(response.status).toBe(200);
  return (await response.json()) as CapabilityStatement;
}

const typeOf = (statement: CapabilityStatement, type: string) =>
  statement.rest?.[0]?.resource?.find((each) => each.type === type);

describe('metadata', () => {
  test.each([
    ['r4b', '4.3.0', 'backport-subscription-server'],
    ['r4', '4.0.1', 'backport-subscription-server-r4'],
  ])('of face %s is a valid CapabilityStatement of %s', async (face, fhirVersion, server) => {
    const statement = await metadata(face);
    expect(validateResource(statement as unknown as Record<string, unknown>)).toEqual([]);
    expect(statement).toMatchObject({ fhirVersion, kind: 'instance', implementation: { url: `${hub.url}/fhir/${face}` } });
    expect(statement.instantiates).toEqual([
      `http://hl7.org/fhir/uv/subscriptions-backport/CapabilityStatement/${server}`,
      'http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data',
    ]);
    for (const [operations, id] of [
      [statement.rest?.[0]?.operation, 'export'],
      [typeOf(statement, 'Patient')?.operation, 'patient-export'],
      [typeOf(statement, 'Group')?.operation, 'group-export'],
    ] as const) {
      const definition = `http://hl7.org/fhir/uv/bulkdata/OperationDefinition/${id}`;
      expect(operations).toContainEqual({ name: 'export', definition });
    }
    expect(statement.patchFormat).toEqual(['application/json-patch+json', 'application/fhir+json']);
    expect(typeOf(statement, 'Patient')).toMatchObject({
      conditionalCreate: true,
      conditionalRead: 'full-support',
      conditionalUpdate: true,
      conditionalDelete: 'single',
    });
    expect(typeOf(statement, 'Patient')?.interaction?.map(({ code }) => code)).toContain('patch');
    expect(statement.rest?.[0]?.security).toEqual({ cors: true });
    expect(statement.rest?.[0]?.extension).toEqual([
      {
        url: 'http://hl7.org/fhir/StructureDefinition/capabilitystatement-websocket',
        valueUri: `${hub.url.replace('http', 'ws')}/ws`,
      },
    ]);
    const subscription = typeOf(statement, 'Subscription');
    expect(subscription?.supportedProfile).toEqual([
      'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription',
    ]);
    expect(subscription?.operation?.map(({ name }) => name)).toEqual([
      'validate',
      'meta',
      'meta-add',
      'meta-delete',
      'status',
      'events',
      'get-ws-binding-token',
      'resend',
      'explain',
      'dry-run',
      'attempts',
      'dead-letters',
      'replay',
      'replay-status',
      'replay-cancel',
    ]);
    for (const { definition } of subscription?.operation ?? []) {
      if (!definition.startsWith('https://carillon.example/fhir/')) continue;
      const read = await fetch(`${hub.url}/fhir/${face}/${definition.split('/fhir/')[1]}`);
      const resource = (await read.json()) as Record<string, unknown>;
      expect(validateResource(resource)).toEqual([]);
      expect(resource).toMatchObject({ url: definition, meta: { versionId: '1' } });
      const found = await fetch(`${hub.url}/fhir/${face}/OperationDefinition?url=${definition}`);
      expect(await found.json()).toMatchObject({ total: 1, entry: [{ resource }] });
    }
    expect(subscription?.searchParam?.map(({ name }) => name)).toEqual(expect.arrayContaining(['url', 'status']));
  });

  test('names topics as a resource in R4B, and their canonicals on Subscription in R4', async () => {
    expect(typeOf(await metadata('r4b'), 'SubscriptionTopic')?.searchParam?.map(({ name }) => name)).toContain('url');
    expect(typeOf(await metadata('r4'), 'SubscriptionTopic')).toBeUndefined();
    const topic = {
      resourceType: 'SubscriptionTopic',
      id: 'named',
      url: 'http://example.org/topics/named',
      status: 'active',
      resourceTrigger: [{ resource: 'http://hl7.org/fhir/StructureDefinition/Patient', supportedInteraction: ['create'] }],
    };
    const stored = await fetch(`${hub.fhir}/SubscriptionTopic/named`, {
      method: 'PUT',
      body: JSON.stringify(topic),
      headers: { 'content-type': 'application/fhir+json' },
    });
    expect(stored.status).toBe(201);
    expect(typeOf(await metadata('r4'), 'Subscription')?.extension).toContainEqual({
      url: 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/capabilitystatement-subscriptiontopic-canonical',
      valueCanonical: topic.url,
    });
    expect(typeOf(await metadata('r4b'), 'Subscription')?.extension).toBeUndefined();
  });

  test('states no search parameter that a strict search refuses', async () => {
    const statement = await metadata('r4b');
    const refused: string[] = [];
    for (const type of ['Patient', 'Observation', 'Location', 'Subscription', 'Bundle']) {
      for (const { name, type: kind } of typeOf(statement, type)?.searchParam ?? []) {
        if (kind === 'composite') continue;
        const query = name === '_text' || name === '_content' ? `${name}=word` : `${name}:missing=true`;
        const response = await fetch(`${hub.fhir}/${type}?${query}`, { headers: { prefer: 'handling=strict' } });
        if (response.status !== 200) refused.push(`${type}.${name}`);
      }
    }
    expect(refused).toEqual([]);
  });

  test('types that are never stored are not named, and answer 404', async () => {
    const statement = await metadata('r4b');
    for (const type of ['Parameters', 'OperationOutcome', 'SubscriptionStatus']) {
      expect(typeOf(statement, type)).toBeUndefined();
      expect((await fetch(`${hub.fhir}/${type}/x`)).status).toBe(404);
    }
    expect(statement.rest?.[0]?.resource?.length).toBeGreaterThan(130);
  });

  test('an unknown mode is refused', async () => expect((await fetch(`${hub.fhir}/metadata?mode=terminology`)).status).toBe(400));
});
