import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Bundle, OperationOutcome } from 'fhir/r4b.js';

import { type Hub, startHub } from '../support/start-hub.js';

let hub: Hub;

/** house > floor > room; a second house; two that are part of one another. */
beforeAll(async () => {
  hub = await startHub();
  await place('house');
  await place('floor', 'house');
  await place('room', 'floor');
  await place('elsewhere');
  await place('hen', 'egg');
  await place('egg', 'hen');
  for (const at of ['house', 'floor', 'room', 'elsewhere', 'hen', 'egg'])
    await put({
      resourceType: 'Encounter',
      id: `e-${at}`,
      status: 'planned',
      class: { code: 'AMB' },
      location: [{ location: { reference: `Location/${at}` } }],
    });
  await put({
    resourceType: 'Observation',
    id: 'o',
    status: 'final',
    code: { text: 'x' },
    encounter: { reference: 'Encounter/e-room' },
  });
});

afterAll(() => hub?.stop());

const place = (id: string, partOf?: string) =>
  put({ resourceType: 'Location', id, ...(partOf === undefined ? {} : { partOf: { reference: `Location/${partOf}` } }) });

async function put(resource: { resourceType: string; id: string } & Record<string, unknown>): Promise<number> {
  const sent = { method: 'PUT', body: JSON.stringify(resource), headers: { 'content-type': 'application/fhir+json' } };
  const { status } = await fetch(`${hub.fhir}/${resource.resourceType}/${resource.id}`, sent);
  expect([200, 201]).toContain(status);
  return status;
}

async function found(path: string): Promise<(string | undefined)[]> {
  const response = await fetch(`${hub.fhir}/${path}&_sort=_id`);
  const bundle = (await response.json()) as Bundle;
  expect({ path, status: response.status, bundle }).toMatchObject({ path, status: 200 });
  return (bundle.entry ?? []).map(({ resource }) => resource?.id);
}

describe('references by where they lie', () => {
  test.each([
    ['Encounter?location:below=Location/house', ['e-floor', 'e-house', 'e-room']],
    ['Encounter?location:below=floor', ['e-floor', 'e-room']],
    ['Encounter?location:below=room,elsewhere', ['e-elsewhere', 'e-room']],
    ['Encounter?location:above=Location/floor', ['e-floor', 'e-house']],
    ['Encounter?location:above=house', ['e-house']],
    ['Encounter?location:below=hen', ['e-egg', 'e-hen']],
    ['Encounter?location:above=hen', ['e-egg', 'e-hen']],
    ['Encounter?location:below=Location/nowhere', []],
    ['Location?partof:below=house', ['floor', 'room']],
    ['Observation?encounter.location:below=Location/house', ['o']],
    ['Location?_has:Encounter:location:location:below=Location/floor', ['floor', 'room']],
  ])('%s', async (path, ids) => expect(await found(path)).toEqual(ids));

  test('an absolute address under this hub means the same', async () => {
    expect(await found(`Encounter?location:below=${hub.fhir}/Location/floor`)).toEqual(['e-floor', 'e-room']);
  });

  test('what moves is found where it is now', async () => {
    await place('shed', 'elsewhere');
    await put({
      resourceType: 'Encounter',
      id: 'e-shed',
      status: 'planned',
      class: { code: 'AMB' },
      location: [{ location: { reference: 'Location/shed' } }],
    });
    expect(await found('Encounter?location:below=elsewhere')).toEqual(['e-elsewhere', 'e-shed']);
    await place('shed');
    expect(await found('Encounter?location:below=elsewhere')).toEqual(['e-elsewhere']);
  });

  test.each([
    ['Encounter?patient:below=Patient/p', 'patient:below'],
    ['Encounter?location:below=http://elsewhere.example/Location/1', 'location:below'],
    ['QuestionnaireResponse?questionnaire:below=q%7C1', 'questionnaire:below'],
    ['QuestionnaireResponse?questionnaire:above=%7C1', 'questionnaire:above'],
    ['Encounter?_filter=status eq planned', '_filter'],
    ['Encounter?_query=x', '_query'],
  ])('%s is a 400 that names the parameter, with any handling', async (path, expression) => {
    for (const prefer of ['handling=strict', 'handling=lenient']) {
      const response = await fetch(`${hub.fhir}/${path}`, { headers: { prefer } });
      expect(response.status).toBe(400);
      expect(((await response.json()) as OperationOutcome).issue[0]?.expression).toEqual([expression]);
    }
  });

  test('standing criteria cannot go by it and are refused', async () => {
    const response = await fetch(`${hub.fhir}/Subscription`, {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify({
        resourceType: 'Subscription',
        status: 'requested',
        reason: 'test',
        criteria: 'Encounter?location:below=Location/house',
        channel: { type: 'websocket' },
      }),
    });
    expect(response.status).toBe(422);
  });
});
