import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { type Hub, startHub } from '../support/start-hub.js';

let hub: Hub;
beforeAll(async () => {
  hub = await startHub();
});
afterAll(() => hub.stop());

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- answers are looked into freely
type Json = Record<string, any>;

async function post(type: string, entry: Json[], headers: Record<string, string> = {}) {
  const response = await fetch(hub.fhir, {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json', ...headers },
    body: JSON.stringify({ resourceType: 'Bundle', type, ...(entry.length === 0 ? {} : { entry }) }),
  });
  const json = (await response.json()) as Json;
  return { status: response.status, json, answers: (json['entry'] ?? []) as Json[], issue: (json['issue']?.[0] ?? {}) as Json };
}

async function get(path: string): Promise<Json & { status: number }> {
  const response = await fetch(`${hub.fhir}/${path}`);
  return { ...((await response.json()) as Json), status: response.status };
}

async function put(type: string, id: string, more: Json = {}): Promise<void> {
  const response = await fetch(`${hub.fhir}/${type}/${id}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/fhir+json' },
    body: JSON.stringify({ resourceType: type, id, ...more }),
  });
  expect(response.ok).toBe(true);
}

const urn = () => `urn:uuid:${randomUUID()}`;
const patient = (more: Json = {}) => ({ resourceType: 'Patient', active: true, ...more });
const observation = (more: Json = {}) => ({ resourceType: 'Observation', status: 'final', code: { text: 'x' }, ...more });
const create = (resource: Json, more: Json = {}, request: Json = {}) => ({
  ...more,
  resource,
  request: { method: 'POST', url: resource['resourceType'], ...request },
});
const update = (resource: Json, more: Json = {}, request: Json = {}) => ({
  ...more,
  resource,
  request: { method: 'PUT', url: `${resource['resourceType']}/${resource['id']}`, ...request },
});
const remove = (url: string, request: Json = {}) => ({ request: { method: 'DELETE', url, ...request } });
const read = (url: string) => ({ request: { method: 'GET', url } });
const idIn = (answer: Json | undefined) => String(answer!['response'].location).split('/').at(-3)!;

describe('a transaction', () => {
  test('writes all of its entries, whatever their order, and answers in theirs', async () => {
    const [kept, gone, fullUrl] = [randomUUID(), randomUUID(), urn()];
    await put('Patient', gone);
    const { status, json, answers } = await post('transaction', [
      read(`Patient/${kept}`),
      update(patient({ id: kept, link: [{ other: { reference: fullUrl }, type: 'seealso' }] })),
      create(patient({ gender: 'male' }), { fullUrl }),
      remove(`Patient/${gone}`),
      read(`Patient?_id=${kept}`),
    ]);
    expect([status, json['type']]).toEqual([200, 'transaction-response']);
    expect(answers.map(({ response }) => response.status)).toEqual([
      '200 OK',
      '201 Created',
      '201 Created',
      '204 No Content',
      '200 OK',
    ]);
    const id = idIn(answers[2]);
    expect(answers[0]!['resource']).toMatchObject({ id: kept, link: [{ other: { reference: `Patient/${id}` } }] });
    expect(answers[1]!['response']).toMatchObject({ etag: 'W/"1"', location: `${hub.fhir}/Patient/${kept}/_history/1` });
    expect(answers[1]!['response'].lastModified).toMatch(/^\d{4}-.*Z$/);
    expect(answers[1]!['resource']).toBeUndefined();
    expect(answers[4]!['resource']).toMatchObject({ type: 'searchset', total: 1 });
    expect((await get(`Patient/${gone}`)).status).toBe(410);
  });

  test('gives the resources to those who prefer the representation', async () => {
    const { answers } = await post('transaction', [create(patient())], { prefer: 'return=representation' });
    expect(answers[0]!['resource']).toMatchObject({ resourceType: 'Patient', meta: { versionId: '1' } });
    const minimal = await post('transaction', [create(patient())], { prefer: 'return=OperationOutcome' });
    expect(minimal.answers[0]!['response'].outcome).toMatchObject({ resourceType: 'OperationOutcome' });
  });

  test('keeps circles of references together', async () => {
    const [a, b] = [urn(), urn()];
    const other = (reference: string) => patient({ link: [{ other: { reference }, type: 'seealso' }] });
    const { answers } = await post('transaction', [create(other(b), { fullUrl: a }), create(other(a), { fullUrl: b })]);
    const [first, second] = answers.map(idIn);
    expect(await get(`Patient/${first}`)).toMatchObject({ link: [{ other: { reference: `Patient/${second}` } }] });
    expect(await get(`Patient/${second}`)).toMatchObject({ link: [{ other: { reference: `Patient/${first}` } }] });
  });

  test('reads relative references against the base of their fullUrl', async () => {
    const { answers } = await post('transaction', [
      create(patient({ id: '7' }), { fullUrl: 'http://source.example/r4/Patient/7' }),
      create(observation({ subject: { reference: 'Patient/7' } }), { fullUrl: 'http://source.example/r4/Observation/1' }),
      create(observation({ subject: { reference: 'Patient/7' } }), { fullUrl: urn() }),
    ]);
    const [p, near, far] = answers.map(idIn);
    expect(await get(`Observation/${near}`)).toMatchObject({ subject: { reference: `Patient/${p}` } });
    expect(await get(`Observation/${far}`)).toMatchObject({ subject: { reference: 'Patient/7' } });
  });

  test.each([
    ['an invalid resource', () => observation({ status: 'nonsense' }), 422, /^Bundle\.entry\[1\]\.resource\.status$/],
    ['an unknown element', () => patient({ nonsense: 1 }), 400, /^Bundle\.entry\[1\]\.resource\.nonsense$/],
  ])('stores nothing when one entry is %s, and names the element', async (_, bad, status, expression) => {
    const value = randomUUID();
    const refused = await post('transaction', [create(patient({ identifier: [{ value }] })), create(bad())]);
    expect(refused.status).toBe(status);
    expect(refused.json['resourceType']).toBe('OperationOutcome');
    expect(refused.issue['expression'][0]).toMatch(expression);
    expect(await get(`Patient?identifier=${value}`)).toMatchObject({ total: 0 });
  });

  test.each<[string, (value: string) => Promise<Json[]> | Json[], number, string]>([
    [
      'a stale ifMatch',
      async () => {
        const id = randomUUID();
        await put('Patient', id);
        return [update(patient({ id, gender: 'male' }), {}, { ifMatch: 'W/"9"' })];
      },
      412,
      'Bundle.entry[1].request.ifMatch',
    ],
    [
      'a reference that matches nothing',
      () => [create(observation({ subject: { reference: `Patient?identifier=${randomUUID()}` } }))],
      412,
      'Bundle.entry[1].resource',
    ],
    [
      'a reference that matches several',
      async () => {
        const shared = randomUUID();
        await put('Patient', randomUUID(), { identifier: [{ value: shared }] });
        await put('Patient', randomUUID(), { identifier: [{ value: shared }] });
        return [create(observation({ subject: { reference: `Patient?identifier=${shared}` } }))];
      },
      412,
      'Bundle.entry[1].resource',
    ],
    [
      'the same resource twice',
      () => [update(patient({ id: 'twice' })), remove('Patient/twice')],
      400,
      'Bundle.entry[1].request.url',
    ],
    [
      'one fullUrl twice',
      () => [
        create(patient(), { fullUrl: 'urn:uuid:00000000-0000-4000-8000-000000000001' }),
        create(patient(), { fullUrl: 'urn:uuid:00000000-0000-4000-8000-000000000001' }),
      ],
      400,
      'Bundle.entry[2].fullUrl',
    ],
    [
      'another id than its address',
      () => [{ ...update(patient({ id: 'a' })), request: { method: 'PUT', url: 'Patient/b' } }],
      400,
      'Bundle.entry[1].resource.id',
    ],
    ['another type than its address', () => [create(patient(), {}, { url: 'Observation' })], 400, 'Bundle.entry[1].resource'],
    ['an unknown type', () => [remove('Nonsense/1')], 404, 'Bundle.entry[1]'],
    ['an id no resource can have', () => [remove('Patient/a_b')], 400, 'Bundle.entry[1].request.url'],
    ['an address outside', () => [read('http://elsewhere.example/Patient/1')], 400, 'Bundle.entry[1].request.url'],
    ['an address that climbs', () => [read('Patient/%2e%2e/../../health/ready')], 400, 'Bundle.entry[1].request.url'],
    ['a POST to an instance', () => [create(patient(), {}, { url: 'Patient/1' })], 400, 'Bundle.entry[1].request.url'],
    [
      'a condition that several match',
      async () => {
        const shared = randomUUID();
        await put('Patient', randomUUID(), { identifier: [{ value: shared }] });
        await put('Patient', randomUUID(), { identifier: [{ value: shared }] });
        return [create(patient(), {}, { ifNoneExist: `identifier=${shared}` })];
      },
      412,
      'Bundle.entry[1].request.ifNoneExist',
    ],
    [
      'one condition twice',
      (value) => [
        create(patient(), {}, { ifNoneExist: `identifier=${value}x` }),
        create(patient(), {}, { ifNoneExist: `identifier=${value}x` }),
      ],
      400,
      'Bundle.entry[2].request.ifNoneExist',
    ],
    ['a malformed ifMatch', () => [remove('Patient/1', { ifMatch: 'one or two' })], 400, 'Bundle.entry[1].request.ifMatch'],
    [
      'a PATCH of what is not there',
      () => [{ resource: { resourceType: 'Parameters' }, request: { method: 'PATCH', url: 'Patient/never' } }],
      404,
      'Bundle.entry[1]',
    ],
    [
      'a PATCH that is none',
      () => [{ resource: patient(), request: { method: 'PATCH', url: 'Patient/1' } }],
      400,
      'Bundle.entry[1].resource',
    ],
    ['an address without a condition', () => [remove('Patient?_pretty=true')], 400, 'Bundle.entry[1].request.url'],
    ['a condition that selects nothing', () => [remove('Patient?active=true&_count=1')], 400, 'Bundle.entry[1]'],
    ['no request', () => [{ resource: patient() }], 400, 'Bundle.entry[1].request'],
    ['no resource', () => [{ request: { method: 'POST', url: 'Patient' } }], 400, 'Bundle.entry[1].resource'],
  ])('stores nothing when an entry has %s', async (_, entries, status, expression) => {
    const value = randomUUID();
    const bad = await entries(value);
    const refused = await post('transaction', [create(patient({ identifier: [{ value }] })), ...bad]);
    expect({ status: refused.status, expression: refused.issue['expression'] }).toEqual({
      status,
      expression: [expect.stringContaining(expression)],
    });
    expect(await get(`Patient?identifier=${value}`)).toMatchObject({ total: 0 });
  });

  test('resolves conditional references by what is stored, and by what it creates itself', async () => {
    const [stored, fresh] = [randomUUID(), randomUUID()];
    await put('Patient', stored, { identifier: [{ system: 'http://a', value: stored }] });
    const { answers } = await post('transaction', [
      create(observation({ subject: { reference: `Patient?identifier=http://a|${stored}` } })),
      create(observation({ subject: { reference: `Patient?identifier=http://a|${fresh}` } })),
      create(patient({ identifier: [{ system: 'http://a', value: fresh }] })),
    ]);
    const [first, second, p] = answers.map(idIn);
    expect(await get(`Observation/${first}`)).toMatchObject({ subject: { reference: `Patient/${stored}` } });
    expect(await get(`Observation/${second}`)).toMatchObject({ subject: { reference: `Patient/${p}` } });
  });

  test('links to the resource that ifNoneExist found instead of making another', async () => {
    const [id, fullUrl] = [randomUUID(), urn()];
    await put('Patient', id, { identifier: [{ value: id }] });
    const { answers } = await post('transaction', [
      create(patient({ identifier: [{ value: id }] }), { fullUrl }, { ifNoneExist: `identifier=${id}` }),
      create(observation({ subject: { reference: fullUrl } })),
    ]);
    expect(answers[0]!['response']).toMatchObject({ status: '200 OK', location: `${hub.fhir}/Patient/${id}/_history/1` });
    expect(await get(`Observation/${idIn(answers[1])}`)).toMatchObject({ subject: { reference: `Patient/${id}` } });
  });

  test('racing with equal ones under a condition makes one resource', async () => {
    const value = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 12 }, () =>
        post('transaction', [create(patient({ identifier: [{ value }] }), {}, { ifNoneExist: `identifier=${value}` })]),
      ),
    );
    expect(
      answers.map(({ answers: [answer] }) => answer!['response'].status).filter((status) => status === '201 Created'),
    ).toHaveLength(1);
    expect(await get(`Patient?identifier=${value}`)).toMatchObject({ total: 1 });
  });

  test('takes a thousand entries', async () => {
    const fullUrl = urn();
    const { answers } = await post('transaction', [
      create(patient(), { fullUrl }),
      ...Array.from({ length: 999 }, () => create(observation({ subject: { reference: fullUrl } }))),
    ]);
    expect(answers).toHaveLength(1000);
    expect(await get(`Observation?subject=Patient/${idIn(answers[0])}&_summary=count`)).toMatchObject({ total: 999 });
  });

  test('without entries is answered without any', async () => {
    expect(await post('transaction', [])).toMatchObject({
      status: 200,
      json: { resourceType: 'Bundle', type: 'transaction-response' },
    });
  });
});

describe('a batch', () => {
  test('serves each entry on its own and names the entry in what is refused', async () => {
    const id = randomUUID();
    const { status, json, answers } = await post('batch', [
      create(patient()),
      create(observation({ status: 'nonsense' })),
      update(patient({ id }), {}, { ifMatch: 'W/"4"' }),
      read('Patient/never-there'),
      read('metadata'),
      remove(`Patient/${id}`),
      read('../../health/live'),
      { request: { method: 'GET', url: 'Patient?nonsense' + '='.repeat(3) } },
      { request: { method: 'POST', url: 'Patient' } },
      { request: { method: 'POST', url: `Patient/_search?_id=${id}` } },
    ]);
    expect([status, json['type']]).toEqual([200, 'batch-response']);
    expect(answers.map(({ response }) => response.status.slice(0, 3))).toEqual([
      '201',
      '422',
      '412',
      '404',
      '200',
      '204',
      '400',
      '200',
      '400',
      '200',
    ]);
    expect(answers[1]!['response'].outcome.issue[0].expression).toEqual(['Bundle.entry[1].resource.status']);
    expect(answers[2]!['response'].outcome.issue[0].expression).toEqual(['Bundle.entry[2].request.ifMatch']);
    expect(answers[4]!['resource'].resourceType).toBe('CapabilityStatement');
    expect(answers[0]!['response']).toMatchObject({ etag: 'W/"1"', location: expect.stringContaining(`${hub.fhir}/Patient/`) });
  });

  test('of many entries is served whole', async () => {
    const { answers } = await post(
      'batch',
      Array.from({ length: 300 }, () => create(patient())),
    );
    expect(new Set(answers.map(idIn)).size).toBe(300);
  });
});

test('a Bundle of another type at the base is refused; any Bundle is stored at /Bundle as it is', async () => {
  for (const type of ['collection', 'document', 'history', 'searchset']) {
    expect((await post(type, [])).status).toBeGreaterThanOrEqual(400);
    expect((await post(type, [])).status).toBeLessThan(500);
  }
  const value = randomUUID();
  const bundle = { resourceType: 'Bundle', type: 'transaction', entry: [create(patient({ identifier: [{ value }] }))] };
  const response = await fetch(`${hub.fhir}/Bundle`, {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json' },
    body: JSON.stringify(bundle),
  });
  expect(response.status).toBe(201);
  expect(await response.json()).toMatchObject(bundle);
  expect(await get(`Patient?identifier=${value}`)).toMatchObject({ total: 0 });
});
