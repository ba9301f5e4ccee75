import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Bundle, OperationOutcome } from 'fhir/r4b.js';

import { type Hub, startHub } from '../support/start-hub.js';

let hub: Hub;
const system = 'http://example.org/animals';
const SET = 'http://example.org/ValueSet/dogs';

beforeAll(async () => {
  hub = await startHub();
  await put({
    resourceType: 'CodeSystem',
    id: 'animals',
    url: system,
    status: 'active',
    content: 'complete',
    concept: [{ code: 'animal', concept: [{ code: 'dog', concept: [{ code: 'poodle' }] }, { code: 'cat' }] }],
  });
  const filter = [{ property: 'concept', op: 'is-a', value: 'dog' }];
  await put({ resourceType: 'ValueSet', id: 'dogs', url: SET, status: 'active', compose: { include: [{ system, filter }] } });
  await put({
    resourceType: 'ValueSet',
    id: 'brought',
    url: 'http://example.org/ValueSet/brought',
    status: 'active',
    expansion: { timestamp: '2026-01-01', contains: [{ system, code: 'cat' }] },
  });
  for (const code of ['animal', 'dog', 'poodle', 'cat']) {
    await put({ resourceType: 'Patient', id: code, gender: 'unknown' });
    await put({
      resourceType: 'Condition',
      id: code,
      code: { coding: [{ system, code }] },
      subject: { reference: `Patient/${code}` },
    });
  }
});

afterAll(() => hub?.stop());

async function put(resource: { resourceType: string; id: string } & Record<string, unknown>): Promise<void> {
  const sent = { method: 'PUT', body: JSON.stringify(resource), headers: { 'content-type': 'application/fhir+json' } };
  expect((await fetch(`${hub.fhir}/${resource.resourceType}/${resource.id}`, sent)).status).toBe(201);
}

async function found(path: string): Promise<(string | undefined)[]> {
  const response = await fetch(`${hub.fhir}/${path}&_sort=_id`);
  const bundle = (await response.json()) as Bundle;
  expect({ path, status: response.status, bundle }).toMatchObject({ path, status: 200 });
  return (bundle.entry ?? []).map(({ resource }) => resource?.id);
}

describe('codes by what they belong to', () => {
  test.each([
    [`Condition?code:in=${SET}`, ['dog', 'poodle']],
    ['Condition?code:in=ValueSet/dogs', ['dog', 'poodle']],
    ['Condition?code:in=http://example.org/ValueSet/brought', ['cat']],
    [`Condition?code:not-in=${SET}`, ['animal', 'cat']],
    [`Condition?code:below=${system}%7Cdog`, ['dog', 'poodle']],
    [`Condition?code:above=${system}%7Cpoodle`, ['animal', 'dog', 'poodle']],
    [`Patient?_has:Condition:patient:code:in=${SET}`, ['dog', 'poodle']],
    ['Condition?patient.gender:in=http://hl7.org/fhir/ValueSet/administrative-gender&code=cat', ['cat']],
  ])('%s', async (path, ids) => expect(await found(path)).toEqual(ids));

  test('a value set that changes is asked for anew by the next search', async () => {
    const url = 'http://example.org/ValueSet/changing';
    const compose = (code: string) => ({ include: [{ system, concept: [{ code }] }] });
    await put({ resourceType: 'ValueSet', id: 'changing', url, status: 'active', compose: compose('cat') });
    expect(await found(`Condition?code:in=${url}`)).toEqual(['cat']);
    const changed = { resourceType: 'ValueSet', id: 'changing', url, status: 'active', compose: compose('dog') };
    const sent = { method: 'PUT', body: JSON.stringify(changed), headers: { 'content-type': 'application/fhir+json' } };
    expect((await fetch(`${hub.fhir}/ValueSet/changing`, sent)).status).toBe(200);
    expect(await found(`Condition?code:in=${url}`)).toEqual(['dog']);
  });

  test.each([
    'Condition?code:in=http://example.org/ValueSet/nowhere',
    'Condition?code:in=http://hl7.org/fhir/ValueSet/condition-code',
    'Condition?code:below=dog',
    'Condition?code:below=http://snomed.info/sct%7C73211009',
    'Condition?subject:in=http://example.org/ValueSet/dogs',
  ])('%s is a 400 that names the parameter, with any handling', async (path) => {
    for (const prefer of ['handling=strict', 'handling=lenient']) {
      const response = await fetch(`${hub.fhir}/${path}`, { headers: { prefer } });
      expect(response.status).toBe(400);
      const { issue } = (await response.json()) as OperationOutcome;
      expect(issue[0]?.expression).toEqual([path.slice(path.indexOf('?') + 1, path.indexOf('='))]);
    }
  });

  test('a condition of a write may go by a value set of FHIR, and is refused with one that may change', async () => {
    const remove = (query: string) => fetch(`${hub.fhir}/${query}&identifier=urn:never|1`, { method: 'DELETE' });
    expect((await remove('Patient?gender:in=http://hl7.org/fhir/ValueSet/administrative-gender')).status).toBe(204);
    const refused = await remove(`Condition?code:in=${SET}`);
    expect(refused.status).toBe(400);
    expect(((await refused.json()) as OperationOutcome).issue[0]?.expression).toEqual(['code:in']);
  });

  test('a Subscription may go by a value set of FHIR, and is refused with one that may change', async () => {
    const write = (criteria: string) =>
      fetch(`${hub.fhir}/Subscription`, {
        method: 'POST',
        headers: { 'content-type': 'application/fhir+json' },
        body: JSON.stringify({
          resourceType: 'Subscription',
          status: 'requested',
          reason: 'test',
          criteria,
          channel: { type: 'websocket' },
        }),
      });
    expect((await write('Patient?gender:in=http://hl7.org/fhir/ValueSet/administrative-gender')).status).toBe(201);
    const refused = await write(`Condition?code:in=${SET}`);
    expect(refused.status).toBe(422);
    expect(JSON.stringify(await refused.json())).toContain(SET);
  });
});
