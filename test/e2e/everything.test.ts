import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Bundle, BundleEntry, FhirResource } from 'fhir/r4b.js';
import { validateResource } from '../../src/fhir/validate-resource.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { Client, type FaceName } from '../support/subscriber.js';

let hub: Hub;
const put = async (resource: object & { resourceType: string; id: string }) => {
  const { status } = await new Client(hub).send('PUT', `${resource.resourceType}/${resource.id}`, resource);
  expect([200, 201]).toContain(status);
};
const ref = (reference: string) => ({ reference });
const observation = (id: string, more: object = {}) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { text: id },
  subject: ref('Patient/p'),
  ...more,
});

beforeAll(async () => {
  hub = await startHub();
  const coded = (code: string) => ({ coding: [{ system: 'http://example.org/c', code }] });
  const all = [
    {
      resourceType: 'Patient',
      id: 'p',
      generalPractitioner: [ref('Practitioner/gp')],
      managingOrganization: ref('Organization/o'),
    },
    { resourceType: 'Patient', id: 'other' },
    { resourceType: 'Practitioner', id: 'gp' },
    { resourceType: 'Practitioner', id: 'seldom', name: [{ family: 'B' }] },
    { resourceType: 'Practitioner', id: 'stranger' },
    { resourceType: 'Organization', id: 'o', partOf: ref('Organization/above') },
    { resourceType: 'Organization', id: 'above' },
    { resourceType: 'Location', id: 'l' },
    { resourceType: 'Medication', id: 'm', code: coded('m') },
    { resourceType: 'Binary', id: 'b', contentType: 'text/plain', data: 'eA==' },
    {
      resourceType: 'Encounter',
      id: 'e',
      status: 'finished',
      class: { code: 'AMB' },
      subject: ref('Patient/p'),
      location: [{ location: ref('Location/l') }],
      period: { start: '2026-02-10', end: '2026-02-20' },
    },
    {
      resourceType: 'MedicationRequest',
      id: 'mr',
      status: 'active',
      intent: 'order',
      subject: ref('Patient/p'),
      encounter: ref('Encounter/e'),
      medicationReference: ref('Medication/m'),
    },
    {
      resourceType: 'DocumentReference',
      id: 'd',
      status: 'current',
      subject: ref('Patient/p'),
      date: '2026-01-05T00:00:00Z',
      content: [{ attachment: { url: 'Binary/b' } }],
    },
    observation('o1', { effectiveDateTime: '2026-01-01', performer: [ref('Practitioner/gp')] }),
    observation('o2', {
      effectiveDateTime: '2026-02-15',
      encounter: ref('Encounter/e'),
      performer: [ref(`${hub.url}/fhir/r4/Practitioner/seldom`)],
    }),
    observation('o3', { effectiveDateTime: '2026-03-01', performer: [ref('Organization/o'), ref('Practitioner/not-there')] }),
    observation('o4', { subject: ref('Patient/other'), performer: [ref('Patient/p')] }),
    observation('o5', { subject: ref('Patient/other'), performer: [ref('Practitioner/stranger')] }),
    observation('gone'),
  ];
  for (const resource of all) await put(resource);
  await new Client(hub).send('DELETE', 'Observation/gone');
});
afterAll(() => hub?.stop());

const OF_PATIENT = [
  'Patient/p',
  'DocumentReference/d',
  'Encounter/e',
  'MedicationRequest/mr',
  ...['o1', 'o2', 'o3', 'o4'].map((id) => `Observation/${id}`),
];
const AROUND = ['Binary/b', 'Location/l', 'Medication/m', 'Organization/o', 'Practitioner/gp', 'Practitioner/seldom'];

describe.each<FaceName>(['r4b', 'r4'])('$everything in the face %s', (face) => {
  const base = () => `${hub.url}/fhir/${face}`;
  const named = (entries: BundleEntry[]) =>
    entries.map(({ resource }) => `${resource?.resourceType}/${(resource as FhirResource).id}`);

  async function bundle(path: string, body?: object): Promise<Bundle> {
    const { status, body: found } = await new Client(hub, face).send(body ? 'POST' : 'GET', path, body);
    expect({ status, issue: found.issue }).toEqual({ status: 200, issue: undefined });
    expect(validateResource(found)).toEqual([]);
    expect(found.type).toBe('searchset');
    return found as Bundle;
  }
  const everything = async (path: string, body?: object) => named((await bundle(path, body)).entry ?? []);

  async function pages(path: string): Promise<string[][]> {
    const read: string[][] = [];
    for (let next: string | undefined = path; next !== undefined;) {
      const page: Bundle = await bundle(next);
      read.push(named(page.entry ?? []));
      next = page.link?.find(({ relation }) => relation === 'next')?.url;
    }
    return read;
  }

  test('of a patient: the resource, its compartment and what those refer to, each once', async () => {
    const { entry = [], link } = await bundle('Patient/p/$everything');
    expect(named(entry)).toEqual([...OF_PATIENT, ...AROUND]);
    expect(entry.map(({ search }) => search?.mode)).toEqual([...OF_PATIENT.map(() => 'match'), ...AROUND.map(() => 'include')]);
    expect(entry[0]?.fullUrl).toBe(`${base()}/Patient/p`);
    expect(link).toEqual([{ relation: 'self', url: `${base()}/Patient/p/$everything` }]);
  });

  test('of an encounter: its patient is part of what it refers to', async () => {
    expect(await everything('Encounter/e/$everything')).toEqual([
      'Encounter/e',
      'MedicationRequest/mr',
      'Observation/o2',
      'Location/l',
      'Medication/m',
      'Patient/p',
      'Practitioner/seldom',
    ]);
  });

  test.each([1, 2, 3, 5, 8, 9, 14, 100])('pages of %i hold everything once, in the same order', async (count) => {
    const read = await pages(`Patient/p/$everything?_count=${count}`);
    expect(read.flat()).toEqual([...OF_PATIENT, ...AROUND]);
    for (const page of read.slice(0, -1)) expect(page).toHaveLength(count);
  });

  test('pages stay right while others are stored and deleted', async () => {
    const first = await bundle('Patient/p/$everything?_count=6');
    await put(observation('a0'));
    await put(observation('z0'));
    await new Client(hub).send('DELETE', 'Observation/z0');
    const rest = await pages(first.link!.find(({ relation }) => relation === 'next')!.url);
    const all = [...named(first.entry ?? []), ...rest.flat()];
    expect(all.filter((name) => name !== 'Observation/a0')).toEqual([...OF_PATIENT, ...AROUND]);
    await new Client(hub).send('DELETE', 'Observation/a0');
  });

  test('_type leaves only those, and what is referred to by all of the compartment', async () => {
    expect(await everything('Patient/p/$everything?_type=Observation,Practitioner')).toEqual([
      ...['o1', 'o2', 'o3', 'o4'].map((id) => `Observation/${id}`),
      'Practitioner/gp',
      'Practitioner/seldom',
    ]);
    expect(await everything('Patient/p/$everything?_type=Patient&_type=Medication')).toEqual(['Patient/p', 'Medication/m']);
    expect(await everything('Patient/p/$everything?_type=Slot')).toEqual([]);
  });

  test('_since leaves what was changed since, of both kinds', async () => {
    const since = new Date().toISOString();
    await put({ resourceType: 'Practitioner', id: 'seldom', name: [{ family: `C-${face}` }] } as never);
    await put(observation('o3', { effectiveDateTime: '2026-03-01', performer: [ref('Organization/o')], note: [{ text: face }] }));
    expect(await everything(`Patient/p/$everything?_since=${since}`)).toEqual(['Observation/o3', 'Practitioner/seldom']);
  });

  test('start and end leave care of that time, care without a date, and what those refer to', async () => {
    expect(await everything('Patient/p/$everything?start=2026-02-01&end=2026-02')).toEqual([
      'Patient/p',
      'Encounter/e',
      'MedicationRequest/mr',
      'Observation/o2',
      'Observation/o4',
      'Location/l',
      'Medication/m',
      'Organization/o',
      'Practitioner/gp',
      'Practitioner/seldom',
    ]);
    const since = await everything('Patient/p/$everything?start=2026-02-20');
    expect(since.filter((name) => /Observation|Encounter|DocumentReference/.test(name))).toEqual([
      'Encounter/e',
      'Observation/o3',
      'Observation/o4',
    ]);
    const until = await everything('Patient/p/$everything', {
      resourceType: 'Parameters',
      parameter: [{ name: 'end', valueDate: '2026-01-31' }],
    });
    expect(until.filter((name) => /Observation|Encounter|DocumentReference/.test(name))).toEqual([
      'DocumentReference/d',
      'Observation/o1',
      'Observation/o4',
    ]);
  });

  test.each([
    ['_count=0', '_count'],
    ['_count=1001', '_count'],
    ['_since=yesterday', '_since'],
    ['_type=Nonsense', '_type'],
    ['start=2026-13-01', 'start'],
    ['start=2026-03-01&end=2026-02-01', 'end'],
    ['_page=forged', '_page'],
    ['code=x', 'code'],
  ])('%s is refused', async (query, expression) => {
    const { status, body } = await new Client(hub, face).send('GET', `Patient/p/$everything?${query}`);
    expect({ status, expression: body.issue[0].expression }).toEqual({ status: 400, expression: [expression] });
  });

  test('an encounter has no start; what is not there or deleted is said', async () => {
    const status = async (path: string) => (await new Client(hub, face).send('GET', path)).status;
    expect(await status('Encounter/e/$everything?start=2026-01-01')).toBe(400);
    expect(await status('Patient/never-there/$everything')).toBe(404);
    expect(await status('Observation/o1/$everything')).toBe(404);
    const { id } = await new Client(hub, face).create({ resourceType: 'Patient' }, 'Patient');
    await new Client(hub, face).send('DELETE', `Patient/${id}`);
    expect(await status(`Patient/${id}/$everything`)).toBe(410);
  });

  test('metadata says so', async () => {
    const { body } = await new Client(hub, face).send('GET', 'metadata');
    for (const type of ['Patient', 'Encounter']) {
      const { operation } = body.rest[0].resource.find((one: { type: string }) => one.type === type);
      expect(operation).toContainEqual({
        name: 'everything',
        definition: `http://hl7.org/fhir/OperationDefinition/${type}-everything`,
      });
    }
  });
});
