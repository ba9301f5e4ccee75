import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Bundle } from 'fhir/r4b.js';

import { type Hub, startHub } from '../support/start-hub.js';

let hub: Hub;

beforeAll(async () => {
  hub = await startHub();
  await put({ resourceType: 'Patient', id: 'p', name: [{ family: 'Müller', given: ['Änne'] }], birthDate: '1970-03-01' });
  for (let n = 1; n <= 5; n++) {
    await put({
      resourceType: 'Observation',
      id: `o${String(n)}`,
      status: n === 5 ? 'amended' : 'final',
      code: { coding: [{ system: 'http://loinc.org', code: '1234-5', display: 'Glucose' }] },
      subject: { reference: n % 2 ? 'Patient/p' : `${hub.fhir}/Patient/p` },
      effectiveDateTime: `2020-01-0${String(n)}`,
      valueQuantity: { value: n, unit: 'mmol/l', system: 'http://unitsofmeasure.org', code: 'mmol/L' },
    });
  }
});

afterAll(() => hub?.stop());

describe('search along references', () => {
  beforeAll(async () => {
    await put({ resourceType: 'Organization', id: 'clinic', name: 'Clinic of the Lake' });
    await put({ resourceType: 'Practitioner', id: 'dr', name: [{ family: 'House' }] });
    for (const [id, family, gender] of [
      ['anna', 'Link', 'female'],
      ['ben', 'Linkmann', 'male'],
      ['cora', 'Chain', 'female'],
    ] as const) {
      await put({
        resourceType: 'Patient',
        id,
        name: [{ family }],
        gender,
        ...(id === 'cora' ? {} : { managingOrganization: { reference: 'Organization/clinic' } }),
        generalPractitioner: [{ reference: id === 'ben' ? 'Practitioner/dr' : 'Organization/clinic' }],
      });
      await put({
        resourceType: 'Condition',
        id: `c-${id}`,
        subject: { reference: `Patient/${id}/_history/1` },
        asserter: { reference: 'Practitioner/dr' },
        code: { coding: [{ system: 'http://snomed.info/sct', code: id === 'cora' ? '1' : '2' }] },
      });
    }
    await put({
      resourceType: 'Provenance',
      id: 'prov',
      recorded: '2020-01-01T00:00:00Z',
      target: [{ reference: 'Condition/c-ben' }],
      agent: [{ who: { reference: 'Practitioner/dr' } }],
    });
    await put({
      resourceType: 'List',
      id: 'mine',
      status: 'current',
      mode: 'working',
      entry: [{ item: { reference: 'Patient/anna' } }, { item: { reference: `${hub.fhir}/Patient/cora` } }],
    });
  });

  test.each([
    ['Condition?subject:Patient.family=link&_sort=_id', ['c-anna', 'c-ben']],
    ['Condition?subject.family=link&_sort=_id', ['c-anna', 'c-ben']],
    ['Condition?subject:Patient.family:exact=Link', ['c-anna']],
    ['Condition?subject:Patient.family=chain,linkm&_sort=_id', ['c-ben', 'c-cora']],
    ['Condition?subject:Patient.gender:not=female', ['c-ben']],
    ['Condition?subject:Patient.organization:missing=true', ['c-cora']],
    ['Condition?patient.organization.name=clinic&_sort=-_id', ['c-ben', 'c-anna']],
    ['Condition?patient.general-practitioner:Practitioner.family=house', ['c-ben']],
    ['Condition?patient.general-practitioner.name=clinic&_sort=_id', ['c-anna', 'c-cora']],
    ['Condition?subject:Patient.family=link&subject:Patient.gender=male', ['c-ben']],
    ['Condition?subject:Patient.family=nobody', []],
    ['Patient?_has:Condition:patient:code=2&_sort=_id', ['anna', 'ben']],
    ['Patient?_has:Condition:patient:code=http://snomed.info/sct%7C1,2&_sort=_id', ['anna', 'ben', 'cora']],
    ['Patient?_has:Condition:patient:asserter.family=house&gender=male', ['ben']],
    ['Patient?_has:Condition:patient:_has:Provenance:target:agent=Practitioner/dr', ['ben']],
    ['Organization?_has:Patient:organization:_has:Condition:subject:code=2', ['clinic']],
    ['Provenance?target:Condition.patient.family=linkmann', ['prov']],
    ['Condition?patient._has:List:item:_id=mine&_sort=_id', ['c-anna', 'c-cora']],
    ['Patient?_list=mine&_sort=_id', ['anna', 'cora']],
    ['Condition?_list=mine', []],
  ])('%s', async (path, found) => {
    const bundle = await search(path, { prefer: 'handling=strict' });
    expect(ids(bundle)).toEqual(found);
    expect(bundle.total).toBe(found.length);
  });

  describe('by canonicals', () => {
    beforeAll(async () => {
      for (const version of ['1.0', '1.1', '2.0'])
        await put({
          resourceType: 'Questionnaire',
          id: `q-${version}`,
          url: 'http://c.example/q',
          version,
          title: `Edition ${version}`,
          status: version === '1.0' ? 'retired' : 'active',
        });
      for (const [id, named] of [
        ['r-any', ''],
        ['r-10', '|1.0'],
        ['r-20', '|2.0'],
        ['r-30', '|3.0'],
      ] as const)
        await put({
          resourceType: 'QuestionnaireResponse',
          id,
          status: 'completed',
          questionnaire: `http://c.example/q${named}`,
        });
    });

    test.each([
      ['QuestionnaireResponse?questionnaire=http://c.example/q&_sort=_id', ['r-10', 'r-20', 'r-30', 'r-any']],
      ['QuestionnaireResponse?questionnaire=http://c.example/q%7C1.0', ['r-10']],
      ['QuestionnaireResponse?questionnaire=http://c.example/q%7C1', []],
      ['QuestionnaireResponse?questionnaire:below=http://c.example/q%7C1', ['r-10']],
      ['QuestionnaireResponse?questionnaire:below=http://c.example/q%7C1,http://c.example/q%7C3&_sort=_id', ['r-10', 'r-30']],
      ['QuestionnaireResponse?questionnaire:below=http://c.example/q&_sort=-questionnaire', ['r-30', 'r-20', 'r-10', 'r-any']],
      ['QuestionnaireResponse?questionnaire:above=http://c.example/q%7C2.0.1&_sort=_id', ['r-20', 'r-any']],
      ['QuestionnaireResponse?questionnaire.title=edition&_sort=_id', ['r-10', 'r-20', 'r-any']],
      ['QuestionnaireResponse?questionnaire.status=retired&_sort=_id', ['r-10', 'r-any']],
      ['QuestionnaireResponse?questionnaire:Questionnaire.title:exact=Edition 2.0&_sort=_id', ['r-20', 'r-any']],
      ['Questionnaire?_has:QuestionnaireResponse:questionnaire:_id=r-10', ['q-1.0']],
      ['Questionnaire?_has:QuestionnaireResponse:questionnaire:_id=r-any&_sort=_id', ['q-1.0', 'q-1.1', 'q-2.0']],
      ['Questionnaire?_has:QuestionnaireResponse:questionnaire:_id=r-30', []],
    ])('%s', async (path, found) => {
      const bundle = await search(path.replaceAll(' ', '%20'), { prefer: 'handling=strict' });
      expect(ids(bundle)).toEqual(found);
      expect(bundle.total).toBe(found.length);
    });

    test.each([
      ['QuestionnaireResponse?_id=r-20&_include=*', ['match r-20', 'include q-2.0']],
      ['QuestionnaireResponse?_id=r-any&_include=QuestionnaireResponse:questionnaire', ['q-1.0', 'q-1.1', 'q-2.0']],
      ['Questionnaire?_id=q-1.0&_revinclude=QuestionnaireResponse:questionnaire', ['r-any', 'r-10']],
      ['Questionnaire?_id=q-1.1&_revinclude=QuestionnaireResponse:questionnaire', ['r-any']],
    ])('%s', async (path, found) => {
      const bundle = await search(path, { prefer: 'handling=strict' });
      const all = (bundle.entry ?? []).map((entry) => `${entry.search?.mode ?? ''} ${entry.resource?.id ?? ''}`);
      expect(found[0]?.startsWith('match') ? all : all.slice(1).map((each) => each.replace('include ', ''))).toEqual(found);
    });
  });

  const modes = (bundle: Bundle) =>
    (bundle.entry ?? []).map(
      ({ search: found, resource, fullUrl }) =>
        `${found?.mode ?? ''} ${(fullUrl ?? '').replace(`${hub.fhir}/`, '')}${resource?.meta?.versionId === '1' ? '' : ` v${resource?.meta?.versionId ?? ''}`}`,
    );

  test.each([
    ['Condition?_id=c-ben&_include=Condition:subject', ['match Condition/c-ben', 'include Patient/ben']],
    ['Condition?_id=c-ben&_include=Condition:subject:Patient', ['match Condition/c-ben', 'include Patient/ben']],
    ['Condition?_id=c-ben&_include=Condition:subject:Group', ['match Condition/c-ben']],
    [
      'Condition?_id=c-ben&_include=Condition:subject&_include:iterate=Patient:general-practitioner',
      ['match Condition/c-ben', 'include Patient/ben', 'include Practitioner/dr'],
    ],
    [
      'Condition?_id=c-ben&_include=Condition:subject&_include=Patient:general-practitioner',
      ['match Condition/c-ben', 'include Patient/ben'],
    ],
    ['Condition?_id=c-ben&_include=*', ['match Condition/c-ben', 'include Practitioner/dr', 'include Patient/ben']],
    ['Condition?_id=c-anna&_include=Condition:*', ['match Condition/c-anna', 'include Practitioner/dr', 'include Patient/anna']],
    [
      'Patient?_id=anna,cora&_sort=_id&_include=Patient:general-practitioner&_include=Patient:organization',
      ['match Patient/anna', 'match Patient/cora', 'include Organization/clinic'],
    ],
    ['Patient?_id=anna&_revinclude=Condition:subject', ['match Patient/anna', 'include Condition/c-anna']],
    ['Patient?_id=anna&_revinclude=List:item:Patient', ['match Patient/anna', 'include List/mine']],
    ['Patient?_id=anna&_revinclude=List:item:Group', ['match Patient/anna']],
    ['Patient?_id=anna&_revinclude=*', ['match Patient/anna', 'include Condition/c-anna', 'include List/mine']],
    [
      'Patient?_id=ben&_revinclude=Condition:subject&_revinclude:iterate=Provenance:target&_include:recurse=Condition:asserter',
      ['match Patient/ben', 'include Condition/c-ben', 'include Practitioner/dr', 'include Provenance/prov'],
    ],
    // A ring comes to an end: the List leads back to the match, and on to another patient.
    [
      'Patient?_id=anna&_revinclude:iterate=List:item&_include:iterate=List:item',
      ['match Patient/anna', 'include List/mine', 'include Patient/cora'],
    ],
    ['Patient?_id=nobody&_include=*', []],
  ])('%s', async (path, found) => {
    const bundle = await search(path, { prefer: 'handling=strict' });
    expect(modes(bundle)).toEqual(found);
    expect(bundle.total).toBe(found.filter((each) => each.startsWith('match')).length);
    expect(link(bundle, 'self')).toBe(`${hub.fhir}/${path}`);
  });

  test('a reference that names a version brings that version', async () => {
    await put({ resourceType: 'Patient', id: 'moved', name: [{ family: 'Before' }] });
    await put({ resourceType: 'Patient', id: 'moved', name: [{ family: 'After' }] });
    await put({ resourceType: 'Basic', id: 'then', code: { text: 'x' }, subject: { reference: 'Patient/moved/_history/1' } });
    await put({ resourceType: 'Basic', id: 'now', code: { text: 'x' }, subject: { reference: 'Patient/moved' } });
    const bundle = await search('Basic?_id=then,now&_sort=_id&_include=Basic:subject');
    expect(modes(bundle)).toEqual(['match Basic/now', 'match Basic/then', 'include Patient/moved v2', 'include Patient/moved']);
    expect(bundle.entry?.[3]?.resource).toMatchObject({ name: [{ family: 'Before' }] });
  });

  test('a canonical brings what bears it, of the version it names', async () => {
    const questionnaire = { resourceType: 'Questionnaire', status: 'active', url: 'http://x.example/q' };
    await put({ ...questionnaire, id: 'q1', version: '1' });
    await put({ ...questionnaire, id: 'q2', version: '2' });
    await put({ resourceType: 'QuestionnaireResponse', id: 'r', status: 'completed', questionnaire: 'http://x.example/q|2' });
    expect(modes(await search('QuestionnaireResponse?_id=r&_include=QuestionnaireResponse:questionnaire'))).toEqual([
      'match QuestionnaireResponse/r',
      'include Questionnaire/q2',
    ]);
  });

  test('what is included belongs to the matches of its page', async () => {
    const first = await search('Condition?subject:Patient.family=link&_sort=_id&_count=1&_include=Condition:subject');
    expect(modes(first)).toEqual(['match Condition/c-anna', 'include Patient/anna']);
    expect(modes(await search(link(first, 'next') ?? ''))).toEqual(['match Condition/c-ben', 'include Patient/ben']);
    const counted = await search('Condition?_include=Condition:subject&_count=0');
    expect(counted.entry).toBeUndefined();
  });

  test('more than go along are cut, and that is said', async () => {
    const entry = Array.from({ length: 1001 }, (_, n) => ({
      request: { method: 'PUT', url: `Basic/many-${String(n)}` },
      resource: { resourceType: 'Basic', id: `many-${String(n)}`, code: { text: 'm' }, subject: { reference: 'Patient/anna' } },
    }));
    const stored = await fetch(hub.fhir, {
      method: 'POST',
      body: JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry }),
      headers: { 'content-type': 'application/fhir+json' },
    });
    expect(stored.status).toBe(200);
    const bundle = await search('Patient?_id=anna&_revinclude=Basic:subject');
    expect(bundle.entry).toHaveLength(1 + 1000 + 1);
    expect(bundle.entry?.at(-1)).toMatchObject({
      search: { mode: 'outcome' },
      resource: { resourceType: 'OperationOutcome', issue: [{ severity: 'warning', code: 'too-costly' }] },
    });
  });

  test.each([
    'Condition:nonsense',
    'Nonsense:subject',
    'Condition:code',
    'Condition:subject:Medication',
    'Condition',
    'Condition:subject:Patient:x',
  ])('_include=%s is refused strictly, else left out and said', async (value) => {
    const strict = await fetch(`${hub.fhir}/Condition?_include=${value}`, { headers: { prefer: 'handling=strict' } });
    expect(strict.status).toBe(400);
    expect(await strict.json()).toMatchObject({ issue: [{ expression: ['_include'] }] });
    const bundle = await search(`Condition?_id=c-ben&_include=${value}`);
    expect(link(bundle, 'self')).toBe(`${hub.fhir}/Condition?_id=c-ben`);
    expect(bundle.entry?.map((each) => each.search?.mode)).toEqual(['match', 'outcome']);
  });

  describe('of several types', () => {
    const named = (bundle: Bundle) => (bundle.entry ?? []).map(({ fullUrl }) => (fullUrl ?? '').replace(`${hub.fhir}/`, ''));

    test.each([
      ['?_type=Patient,Practitioner&_id=anna,dr&_sort=_id', ['Patient/anna', 'Practitioner/dr']],
      ['?_type=Practitioner&_id=anna,dr', ['Practitioner/dr']],
      ['?_type=Patient,Practitioner&_type=Patient,Condition&_id=anna,dr', ['Patient/anna']],
      ['?_id=anna,dr,c-ben&_sort=_id', ['Patient/anna', 'Condition/c-ben', 'Practitioner/dr']],
      ['?_id=anna,dr,c-ben&_sort=-_lastUpdated', ['Condition/c-ben', 'Patient/anna', 'Practitioner/dr']],
      ['?_type=Patient,Condition&_list=mine&_sort=_id', ['Patient/anna', 'Patient/cora']],
      ['?_type=Condition,Basic&subject:Patient.family=linkmann', ['Condition/c-ben']],
      ['?_type=Patient,Condition&_id=nobody', []],
      ['Patient/anna/Condition', ['Condition/c-anna']],
      ['Patient/anna/Condition?code=2', ['Condition/c-anna']],
      ['Patient/anna/Condition?code=1', []],
      ['Patient/anna/Patient', ['Patient/anna']],
      ['Patient/nobody/Condition', []],
      ['Practitioner/dr/Condition?_sort=_id', ['Condition/c-anna', 'Condition/c-ben', 'Condition/c-cora']],
      ['Patient/ben/*?_sort=_id', ['Patient/ben', 'Condition/c-ben']],
      ['Patient/anna/*?_type=Condition,List', ['Condition/c-anna']],
    ])('%s', async (path, found) => {
      const bundle = await search(path, { prefer: 'handling=strict' });
      expect(named(bundle)).toEqual(found);
      expect(bundle.total).toBe(found.length);
      expect(link(bundle, 'self')).toBe(path.startsWith('?') ? `${hub.fhir}${path}` : `${hub.fhir}/${path}`);
    });

    test('pages of all types follow one another, each resource once', async () => {
      const all = named(await search('?_count=1000&_type=Patient,Practitioner,Condition,Organization,List,Provenance'));
      expect(all.length).toBeGreaterThan(8);
      for (const order of ['', '&_sort=_lastUpdated', '&_sort=_id']) {
        const seen: string[] = [];
        let url: string | undefined = `?_count=2&_type=Patient,Practitioner,Condition,Organization,List,Provenance${order}`;
        while (url !== undefined) {
          const bundle: Bundle = await search(url);
          seen.push(...named(bundle));
          url = link(bundle, 'next');
        }
        expect(seen.toSorted()).toEqual(all.toSorted());
        if (order === '') expect(seen).toEqual(all);
        if (order === '&_sort=_lastUpdated') expect(seen).toEqual(all.toReversed());
      }
    });

    test('totals and includes', async () => {
      expect((await search('?_type=Patient,Condition&_summary=count&_list=mine')).total).toBe(2);
      expect((await search('?_type=Patient,Condition&_count=1&_list=mine&_total=accurate')).total).toBe(2);
      expect(named(await search('?_type=Condition,List&_id=c-ben&_include=Condition:subject'))).toEqual([
        'Condition/c-ben',
        'Patient/ben',
      ]);
    });

    test.each([
      ['_search', '_type=Patient,Condition&_id=ben', ['Patient/ben']],
      ['Patient/anna/Condition/_search', 'code=2', ['Condition/c-anna']],
      ['Patient/ben/_search', '_type=Condition', ['Condition/c-ben']],
    ])('POST %s', async (path, form, found) => {
      const response = await fetch(`${hub.fhir}/${path}`, { method: 'POST', body: new URLSearchParams(form) });
      expect(response.status).toBe(200);
      expect(named((await response.json()) as Bundle)).toEqual(found);
    });

    test('what one of the types does not know is left out for all, or refused', async () => {
      const path = '?_type=Patient,Condition&family=link&_id=anna,c-anna';
      const bundle = await search(path);
      expect(bundle.entry?.map(({ search: each }) => each?.mode)).toEqual(['match', 'match', 'outcome']);
      expect(link(bundle, 'self')).toBe(`${hub.fhir}?_type=Patient,Condition&_id=anna,c-anna`);
      const strict = await fetch(`${hub.fhir}${path}`, { headers: { prefer: 'handling=strict' } });
      expect(strict.status).toBe(400);
    });

    test.each([
      ['?_type=Nonsense', 400],
      ['?_type=Patient&_type=Condition', 400],
      ['?_type=Patient,Person&_sort=birthdate', 400],
      ['?_type=Patient,Condition&_lastUpdated=x', 400],
      ['Location/x/Encounter', 404],
      ['Patient/x/Medication', 404],
      ['Patient/x/Nonsense', 404],
      ['Patient/x/$nonsense', 404],
      ['Patient/x y/Condition', 404],
    ])('%s is %i with an OperationOutcome', async (path, status) => {
      const response = await fetch(path.startsWith('?') ? `${hub.fhir}${path}` : `${hub.fhir}/${path}`);
      expect(response.status).toBe(status);
      expect(await response.json()).toMatchObject({ resourceType: 'OperationOutcome' });
    });
  });

  test('links of pages keep the chain', async () => {
    const first = await search('Condition?subject:Patient.family=link&_count=1&_sort=_id');
    expect(link(first, 'self')).toBe(`${hub.fhir}/Condition?subject:Patient.family=link&_count=1&_sort=_id`);
    const second = await search(link(first, 'next') ?? '');
    expect([...ids(first), ...ids(second)]).toEqual(['c-anna', 'c-ben']);
    expect(link(second, 'next')).toBeUndefined();
  });

  test('a patient who is gone is no longer found by a chain', async () => {
    await put({ resourceType: 'Patient', id: 'short', name: [{ family: 'Brief' }] });
    await put({ resourceType: 'Condition', id: 'c-short', subject: { reference: 'Patient/short' } });
    expect(ids(await search('Condition?patient.family=brief'))).toEqual(['c-short']);
    await fetch(`${hub.fhir}/Patient/short`, { method: 'DELETE' });
    expect(ids(await search('Condition?patient.family=brief'))).toEqual([]);
  });

  test.each([
    ['Condition?subject:Patient.nonsense=x', 'subject:Patient.nonsense'],
    ['Condition?subject.nonsense=x', 'subject.nonsense'],
    ['Patient?_has:Condition:nonsense:code=x', '_has:Condition:nonsense:code'],
  ])('%s is refused strictly, else left out and said', async (path, expression) => {
    const strict = await fetch(`${hub.fhir}/${path}`, { headers: { prefer: 'handling=strict' } });
    expect(strict.status).toBe(400);
    expect(await strict.json()).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ expression: [expression] }] });
    const bundle = await search(path);
    expect(link(bundle, 'self')).toBe(`${hub.fhir}/${path.split('?')[0] ?? ''}`);
    expect(bundle.entry?.at(-1)).toMatchObject({
      search: { mode: 'outcome' },
      resource: { issue: [{ expression: [expression] }] },
    });
  });

  test.each([
    ['Condition?code.name=x', 'code.name'],
    ['Condition?subject:Device.birthdate=2000', 'subject:Device.birthdate'],
    ['Condition?subject:Patient.birthdate=yesterday', 'subject:Patient.birthdate'],
    ['Patient?_has:Condition:code=x', '_has:Condition:code'],
    ['Patient?_has:Condition:code:subject=x', '_has:Condition:code:subject'],
  ])('%s is refused with the parameter named', async (path, expression) => {
    const response = await fetch(`${hub.fhir}/${path}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ issue: [{ expression: [expression] }] });
  });

  test('a condition of a write that looks at other resources is refused', async () => {
    const response = await fetch(`${hub.fhir}/Patient`, {
      method: 'POST',
      body: JSON.stringify({ resourceType: 'Patient' }),
      headers: { 'content-type': 'application/fhir+json', 'if-none-exist': 'organization.name=clinic' },
    });
    expect(response.status).toBe(400);
    expect(JSON.stringify(await response.json())).toContain('organization.name');
  });
});

function put(resource: { resourceType: string; id: string } & Record<string, unknown>) {
  return fetch(`${hub.fhir}/${resource.resourceType}/${resource.id}`, {
    method: 'PUT',
    body: JSON.stringify(resource),
    headers: { 'content-type': 'application/fhir+json' },
  });
}

async function search(path: string, headers: Record<string, string> = {}): Promise<Bundle> {
  const response = await fetch(
    path.startsWith('http') ? path : path.startsWith('?') ? `${hub.fhir}${path}` : `${hub.fhir}/${path}`,
    { headers },
  );
  expect({ path, status: response.status }).toEqual({ path, status: 200 });
  return (await response.json()) as Bundle;
}

const ids = (bundle: Bundle) => (bundle.entry ?? []).map(({ resource }) => resource?.id);
const link = (bundle: Bundle, relation: string) => bundle.link?.find((each) => each.relation === relation)?.url;

describe('search', () => {
  test.each([
    ['Patient?family=mull', ['p']],
    ['Patient?family:exact=M%C3%BCller', ['p']],
    ['Patient?given:contains=nn', ['p']],
    ['Patient?birthdate=1970-03', ['p']],
    ['Patient?birthdate=gt1970-03-01', []],
    ['Observation?subject=Patient/p&_sort=_id', ['o1', 'o2', 'o3', 'o4', 'o5']],
    ['Observation?patient=p&code=http://loinc.org%7C1234-5&_sort=-date', ['o5', 'o4', 'o3', 'o2', 'o1']],
    ['Observation?status:not=final', ['o5']],
    ['Observation?date=ge2020-01-02&date=lt2020-01-04&_sort=date', ['o2', 'o3']],
    ['Observation?value-quantity=gt3%7Chttp://unitsofmeasure.org%7Cmmol/L&_sort=value-quantity', ['o4', 'o5']],
    ['Observation?code-value-quantity=1234-5$2', ['o2']],
    ['Observation?_id=o1,o3,nothing&_sort=_id', ['o1', 'o3']],
    ['Observation?code:text=glu&status=amended', ['o5']],
    ['Observation?_lastUpdated=lt2020', []],
    ['Observation?based-on:missing=false', []],
  ])('%s', async (path, found) => {
    const bundle = await search(path);
    expect(ids(bundle)).toEqual(found);
    expect(bundle).toMatchObject({ resourceType: 'Bundle', type: 'searchset', total: found.length });
    for (const entry of bundle.entry ?? []) {
      expect(entry).toMatchObject({
        search: { mode: 'match' },
        fullUrl: `${hub.fhir}/${path.split('?')[0] ?? ''}/${entry.resource?.id ?? ''}`,
      });
    }
  });

  test('POST _search finds the same and answers with links to GET', async () => {
    const response = await fetch(`${hub.fhir}/Observation/_search?status=final`, {
      method: 'POST',
      body: new URLSearchParams({ code: 'http://loinc.org|1234-5', _sort: '_id', _count: '3' }),
    });
    expect(response.status).toBe(200);
    const bundle = (await response.json()) as Bundle;
    expect(ids(bundle)).toEqual(['o1', 'o2', 'o3']);
    expect(ids(await search(link(bundle, 'next') ?? ''))).toEqual(['o4']);
    const json = await fetch(`${hub.fhir}/Observation/_search`, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/fhir+json' },
    });
    expect(json.status).toBe(415);
  });

  test.each([
    ['_sort=-date', ['o5', 'o4', 'o3', 'o2', 'o1']],
    ['_sort=status,-date', ['o5', 'o4', 'o3', 'o2', 'o1']],
    ['_sort=-status,date', ['o1', 'o2', 'o3', 'o4', 'o5']],
    ['status=final&_sort=code,subject,-value-quantity', ['o4', 'o3', 'o2', 'o1']],
  ])('next links of %s are absolute and end', async (query, order) => {
    const seen: unknown[] = [];
    let url: string | undefined = `${hub.fhir}/Observation?_count=2&${query}`;
    while (url !== undefined) {
      const bundle: Bundle = await search(url, { prefer: 'handling=strict' });
      seen.push(...ids(bundle));
      url = link(bundle, 'next');
      expect(url ?? hub.fhir).toContain(hub.fhir);
    }
    expect(seen).toEqual(order);
  });

  test('the self link tells what was used; what was not understood is left out and reported', async () => {
    const bundle = await search('Observation?nonsense=1&status=final&_count=10');
    expect(link(bundle, 'self')).toBe(`${hub.fhir}/Observation?status=final&_count=10`);
    expect(bundle.entry?.at(-1)).toMatchObject({
      search: { mode: 'outcome' },
      resource: { resourceType: 'OperationOutcome', issue: [{ severity: 'warning', expression: ['nonsense'] }] },
    });
    expect(bundle.total).toBe(4);
  });

  test('totals are told as asked', async () => {
    expect((await search('Observation?_count=2')).total).toBeUndefined();
    expect((await search('Observation?_count=2&_total=accurate')).total).toBe(5);
    expect((await search('Observation?_count=2&_total=estimate')).total).toBe(5);
    expect((await search('Observation?_total=none')).total).toBeUndefined();
    const counted = await search('Observation?_summary=count&status=final');
    expect(counted.total).toBe(4);
    expect(counted.entry).toBeUndefined();
    expect((await search('Observation?_count=0')).total).toBe(5);
  });

  test('a search begun after a write was answered sees it', async () => {
    for (let n = 0; n < 10; n++) {
      await put({ resourceType: 'Basic', id: 'b', code: { coding: [{ code: `c${String(n)}` }] } });
      expect(ids(await search(`Basic?code=c${String(n)}`))).toEqual(['b']);
      if (n > 0) expect(ids(await search(`Basic?code=c${String(n - 1)}`))).toEqual([]);
    }
  });

  test.each([
    ['Patient?birthdate=yesterday', 'birthdate'],
    ['Patient?birthdate=1970-02-30', 'birthdate'],
    ["Observation?value-quantity=1'%3B--", 'value-quantity'],
    ['Observation?status:nonsense=x', 'status:nonsense'],
    ['Observation?_count=-1', '_count'],
    ['Observation?_count=99999999999999999999', '_count'],
    ['Observation?_count=1001', '_count'],
    ['Observation?_total=maybe', '_total'],
    ['Observation?_count=1&_count=2', '_count'],
    ['Observation?_summary=true&_summary=data', '_summary'],
    ['Observation?_total=none&_total=accurate', '_total'],
    ['Observation?_page=AAAA', '_page'],
    ['Observation?status=a%00b', 'status'],
    ['Observation?code-value-quantity=1', 'code-value-quantity'],
  ])('%s is a 400 that names the parameter', async (path, expression) => {
    const response = await fetch(`${hub.fhir}/${path}`);
    expect(response.status).toBe(400);
    const outcome = (await response.json()) as { resourceType: string; issue: { expression?: string[] }[] };
    expect(outcome.resourceType).toBe('OperationOutcome');
    expect(outcome.issue[0]?.expression).toEqual([expression]);
  });

  test.each(['nonsense=1', '_sort=nonsense', '_sort=code-value-date', '_include=Observation:nonsense'])(
    'strict handling refuses %s',
    async (query) => {
      const response = await fetch(`${hub.fhir}/Observation?${query}`, { headers: { prefer: 'handling=strict' } });
      expect(response.status).toBe(400);
      await search(`Observation?${query}`, { prefer: 'handling=lenient' });
      await search(`Observation?${query}`);
    },
  );

  test('a page link with a changed character is a 400', async () => {
    const next = link(await search('Observation?_count=2'), 'next') ?? '';
    const at = next.indexOf('_page=') + 20;
    const changed = next.slice(0, at) + (next[at] === 'A' ? 'B' : 'A') + next.slice(at + 1);
    expect((await fetch(changed)).status).toBe(400);
    expect((await fetch(next.replace('/Observation?', '/Patient?'))).status).toBe(400);
  });

  test('an over-long URL and an unknown type are refused', async () => {
    expect((await fetch(`${hub.fhir}/Patient?name=${'x'.repeat(9000)}`)).status).toBe(400);
    expect((await fetch(`${hub.fhir}/Nonsense?name=x`)).status).toBe(404);
  });
});
