import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Bundle } from 'fhir/r4b.js';

import { type Hub, startHub } from '../support/start-hub.js';

let hub: Hub;

const BODY =
  '{"resourceType":"Observation","id":"o","meta":{"tag":[{"code":"mine"}]},"text":{"status":"generated","div":"<div xmlns=\\"http://www.w3.org/1999/xhtml\\">n</div>"},' +
  '"status":"final","code":{"text":"c"},"valueQuantity":{"value":1.500,"unit":"mg"},"note":[{"text":"remark"}]}';

beforeAll(async () => {
  hub = await startHub();
  const sent = { method: 'PUT', body: BODY, headers: { 'content-type': 'application/fhir+json' } };
  expect((await fetch(`${hub.fhir}/Observation/o`, sent)).status).toBe(201);
});

afterAll(() => hub?.stop());

const get = (path: string, headers: Record<string, string> = {}) => fetch(`${hub.fhir}/${path}`, { headers });
const namesOf = (resource: object) => Object.keys(resource).filter((name) => !['resourceType', 'id', 'meta'].includes(name));

describe.each(['r4b', 'r4'])('parts of resources in the face %s', (face) => {
  const inFace = (path: string) => fetch(`${hub.fhir.replace('/r4b', `/${face}`)}/${path}`);

  test.each([
    ['_elements=note', ['status', 'code', 'note']],
    ['_summary=true', ['status', 'code', 'valueQuantity']],
    ['_summary=text', ['text', 'status', 'code']],
    ['_summary=data', ['status', 'code', 'valueQuantity', 'note']],
    ['_summary=false', ['text', 'status', 'code', 'valueQuantity', 'note']],
  ])('%s of a search, a read and a version', async (asked, names) => {
    const bundle = (await (await inFace(`Observation?${asked}`)).json()) as Bundle;
    const found = bundle.entry?.[0]?.resource ?? {};
    expect(namesOf(found)).toEqual(names);
    const tags = JSON.stringify(found).includes('SUBSETTED');
    expect(tags).toBe(asked !== '_summary=false');
    expect(bundle.link?.[0]?.url).toContain(`Observation?${asked}`);
    for (const path of ['Observation/o', 'Observation/o/_history/1'])
      expect(await (await inFace(`${path}?${asked}`)).json()).toEqual(found);
  });
});

describe('parts of resources', () => {
  test('what goes along is summed up too, and not cut by a list of elements', async () => {
    const text = { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">n</div>' };
    const send = (resource: { resourceType: string; id: string } & Record<string, unknown>) =>
      fetch(`${hub.fhir}/${resource.resourceType}/${resource.id}`, {
        method: 'PUT',
        body: JSON.stringify(resource),
        headers: { 'content-type': 'application/fhir+json' },
      });
    await send({ resourceType: 'Patient', id: 'p', text, gender: 'other' });
    await send({ resourceType: 'Condition', id: 'c', text, subject: { reference: 'Patient/p' } });
    const included = async (asked: string) => {
      const bundle = (await (await get(`Condition?_include=Condition:subject&${asked}`)).json()) as Bundle;
      return namesOf(bundle.entry?.find(({ search }) => search?.mode === 'include')?.resource ?? {});
    };
    expect(await included('_summary=true')).toEqual(['gender']);
    expect(await included('_elements=subject')).toEqual(['text', 'gender']);
    expect((await get('Condition?_include=Condition:subject&_summary=text')).status).toBe(400);
  });

  test('digits stay as they were written, tags of the resource stay beside the new one', async () => {
    const text = await (await get('Observation/o?_elements=value')).text();
    expect(text).toContain('"value":1.500,');
    expect(text).toContain('"tag":[{"code":"mine"},{"system":');
  });

  test('an unknown element is told, strictly refused', async () => {
    const bundle = (await (await get('Observation?_elements=status,nonsense')).json()) as Bundle;
    expect(bundle.entry?.at(-1)).toMatchObject({
      search: { mode: 'outcome' },
      resource: { issue: [{ expression: ['_elements'] }] },
    });
    expect((await get('Observation?_elements=nonsense', { prefer: 'handling=strict' })).status).toBe(400);
  });

  test.each([
    'Observation?_summary=all',
    'Observation/o?_summary=count',
    'Observation?_elements=status&_summary=text',
    'Observation/o?_elements=',
  ])('%s is a 400 that names the parameter', async (path) => {
    const response = await get(path);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ issue: [{ expression: [expect.stringMatching(/^_(summary|elements)$/)] }] });
  });
});
