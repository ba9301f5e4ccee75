import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { type Json, request } from '../support/rest-client.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { classicSubscription } from '../support/subscriber.js';

let hub: Hub;
beforeAll(async () => {
  hub = await startHub();
});
afterAll(() => hub?.stop());

const send = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
  request(hub, method, path, body, headers);
const jsonPatch = (path: string, operations: Json[] | string, headers: Record<string, string> = {}) =>
  send('PATCH', path, typeof operations === 'string' ? operations : JSON.stringify(operations), {
    'content-type': 'application/json-patch+json',
    ...headers,
  });
const replaced = (path: string, value: Json) => ({
  resourceType: 'Parameters',
  parameter: [
    {
      name: 'operation',
      part: [
        { name: 'type', valueCode: 'replace' },
        { name: 'path', valueString: path },
        { name: 'value', ...value },
      ],
    },
  ],
});

async function patient(more: Json = {}): Promise<string> {
  const id = randomUUID();
  expect((await send('PUT', `Patient/${id}`, { resourceType: 'Patient', id, active: true, ...more })).status).toBe(201);
  return id;
}

describe('a JSON Patch', () => {
  test('makes a new version and answers with it; digits, order and meta of the rest stay', async () => {
    const id = randomUUID();
    const stored = `{"resourceType":"Observation","id":"${id}","meta":{"tag":[{"code":"t"}]},"status":"preliminary","code":{"text":"x"},"valueQuantity":{"value":1.00,"unit":"g"},"component":[{"code":{"text":"y"},"valueQuantity":{"value":12345678901234567890.10}}]}`;
    await send('PUT', `Observation/${id}`, stored);
    const { status, headers, text, json } = await jsonPatch(`Observation/${id}`, [
      { op: 'test', path: '/status', value: 'preliminary' },
      { op: 'replace', path: '/status', value: 'final' },
      { op: 'copy', from: '/valueQuantity', path: '/component/0/valueQuantity' },
    ]);
    expect([status, headers.get('etag'), headers.get('location')]).toEqual([200, 'W/"2"', null]);
    expect(Date.parse(headers.get('last-modified')!)).not.toBeNaN();
    expect(json).toMatchObject({ status: 'final', meta: { versionId: '2', tag: [{ code: 't' }] } });
    expect(text).toContain('"component":[{"code":{"text":"y"},"valueQuantity":{"value":1.00,"unit":"g"}}]');
    expect((await send('GET', `Observation/${id}`)).text).toBe(text);
    const log = await send('GET', `Observation/${id}/_history`);
    expect(log.json['entry'][0].request).toEqual({ method: 'PUT', url: `Observation/${id}` });
  });

  test('that changes nothing makes no version', async () => {
    const id = await patient();
    const same = await jsonPatch(`Patient/${id}`, [{ op: 'replace', path: '/active', value: true }]);
    expect([same.status, same.headers.get('etag')]).toEqual([200, 'W/"1"']);
  });

  test.each<[string, Json[], number, string]>([
    ['a test that fails', [{ op: 'test', path: '/active', value: false }], 422, 'patch[0]'],
    ['an element that is not there', [{ op: 'remove', path: '/gender' }], 422, 'patch[0]'],
    ['another id', [{ op: 'replace', path: '/id', value: 'other' }], 422, 'Patient.id'],
    ['another type', [{ op: 'replace', path: '/resourceType', value: 'Basic' }], 422, 'resourceType'],
    ['no resource any more', [{ op: 'replace', path: '', value: [1] }], 422, 'Patient'],
    ['a code that is none', [{ op: 'add', path: '/gender', value: 'nonsense' }], 422, 'Patient.gender'],
    ['an element that is unknown', [{ op: 'add', path: '/nonsense', value: 1 }], 400, 'Patient.nonsense'],
    ['an operation that is unknown', [{ op: 'merge', path: '/x' }], 400, 'patch[0].op'],
  ])('comes to nothing by %s', async (_what, operations, status, expression) => {
    const id = await patient();
    const refused = await jsonPatch(`Patient/${id}`, operations);
    expect([refused.status, refused.issue['expression']]).toEqual([status, [expression]]);
    const twice = await jsonPatch(`Patient/${id}`, [{ op: 'add', path: '/birthDate', value: '2000' }, ...operations]);
    expect(twice.status).toBe(status);
    expect((await send('GET', `Patient/${id}`)).headers.get('etag')).toBe('W/"1"');
  });

  test('of what is not there is a 404, of what was deleted a 410', async () => {
    expect((await jsonPatch('Patient/never', [])).status).toBe(404);
    const id = await patient();
    await send('DELETE', `Patient/${id}`);
    expect((await jsonPatch(`Patient/${id}`, [])).status).toBe(410);
  });

  test('holds to If-Match, whether it would fit or not, and to Prefer', async () => {
    const id = await patient();
    const stale = await jsonPatch(`Patient/${id}`, [{ op: 'remove', path: '/nothing' }], { 'if-match': 'W/"7"' });
    expect([stale.status, stale.issue['expression']]).toEqual([412, ['If-Match']]);
    const gender = [{ op: 'add', path: '/gender', value: 'male' }];
    const minimal = await jsonPatch(`Patient/${id}`, gender, { 'if-match': 'W/"1"', prefer: 'return=minimal' });
    expect([minimal.status, minimal.text, minimal.headers.get('etag')]).toEqual([200, '', 'W/"2"']);
    const told = await jsonPatch(`Patient/${id}`, [{ op: 'remove', path: '/gender' }], { prefer: 'return=OperationOutcome' });
    expect(told.json).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ diagnostics: `Patched Patient/${id}` }] });
  });

  test('by many at once loses none of them', async () => {
    const id = await patient({ identifier: [{ value: 'first' }] });
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        jsonPatch(`Patient/${id}`, [{ op: 'add', path: '/identifier/-', value: { value: String(n) } }]),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const { json } = await send('GET', `Patient/${id}`);
    expect(json['identifier']).toHaveLength(41);
    expect(json['meta'].versionId).toBe('41');
  });
});

describe('a FHIRPath Patch', () => {
  test('edits by path', async () => {
    const id = await patient({
      name: [
        { use: 'official', family: 'A' },
        { use: 'nickname', given: ['B'] },
      ],
    });
    const { status, json } = await send(
      'PATCH',
      `Patient/${id}`,
      replaced("Patient.name.where(use='official').family", { valueString: 'C' }),
    );
    expect(status).toBe(200);
    expect(json['name']).toEqual([
      { use: 'official', family: 'C' },
      { use: 'nickname', given: ['B'] },
    ]);
  });

  test.each<[string, Json, number, string]>([
    ['a path that finds nothing', replaced('Patient.birthDate', { valueDate: '2000' }), 422, 'Parameters.parameter[0]'],
    ['a value of another type', replaced('Patient.active', { valuePeriod: { start: '2000' } }), 422, 'Parameters.parameter[0]'],
    ['a value that is wrong', replaced('Patient.active', { valueString: 'yes' }), 400, 'Patient.active'],
    ['no FHIRPath', replaced('Patient.[', { valueString: 'yes' }), 400, 'Parameters.parameter[0]'],
  ])('comes to nothing by %s', async (_what, parameters, status, expression) => {
    const refused = await send('PATCH', `Patient/${await patient()}`, parameters);
    expect([refused.status, refused.issue['expression']]).toEqual([status, [expression]]);
  });
});

describe('under a condition', () => {
  test('none: 404; one: patched; several: 412', async () => {
    const value = randomUUID();
    const operations = [{ op: 'replace', path: '/active', value: false }];
    expect((await jsonPatch(`Patient?identifier=${value}`, operations)).status).toBe(404);
    const id = await patient({ identifier: [{ value }] });
    expect((await jsonPatch(`Patient?identifier=${value}`, operations)).json).toMatchObject({ id, active: false });
    await patient({ identifier: [{ value }] });
    expect((await jsonPatch(`Patient?identifier=${value}`, operations)).status).toBe(412);
  });
});

describe('in a Bundle', () => {
  const binary = (operations: Json[]) => ({
    resourceType: 'Binary',
    contentType: 'application/json-patch+json',
    data: Buffer.from(JSON.stringify(operations)).toString('base64'),
  });
  const post = (type: string, entry: Json[]) => send('POST', hub.fhir, { resourceType: 'Bundle', type, entry });

  test.each(['batch', 'transaction'])('of type %s: both forms, by id and by condition', async (type) => {
    const value = randomUUID();
    const [a, b] = [await patient(), await patient({ identifier: [{ value }] })];
    const { status, json } = await post(type, [
      {
        resource: binary([{ op: 'replace', path: '/active', value: false }]),
        request: { method: 'PATCH', url: `Patient/${a}`, ifMatch: 'W/"1"' },
      },
      {
        resource: replaced('Patient.active', { valueBoolean: false }),
        request: { method: 'PATCH', url: `Patient?identifier=${value}` },
      },
      { request: { method: 'GET', url: `Patient/${a}` } },
    ]);
    expect([status, (json['entry'] as Json[]).map(({ response }) => response.status)]).toEqual([
      200,
      ['200 OK', '200 OK', '200 OK'],
    ]);
    for (const id of [a, b])
      expect((await send('GET', `Patient/${id}`)).json).toMatchObject({ active: false, meta: { versionId: '2' } });
  });

  test('of type transaction: references to other entries in what is added are resolved, and all or nothing holds', async () => {
    const id = await patient();
    const value = randomUUID();
    const organization = {
      fullUrl: `urn:uuid:${value}`,
      resource: { resourceType: 'Organization', name: value },
      request: { method: 'POST', url: 'Organization' },
    };
    const link = (op: Json) => ({ resource: binary([op]), request: { method: 'PATCH', url: `Patient/${id}` } });
    const add = { op: 'add', path: '/managingOrganization', value: { reference: `urn:uuid:${value}` } };
    const refused = await post('transaction', [organization, link({ op: 'test', path: '/active', value: 1 })]);
    expect([refused.status, refused.issue['expression'][0]]).toEqual([422, expect.stringContaining('Bundle.entry[1]')]);
    expect((await send('GET', `Organization?name=${value}`)).json).toMatchObject({ total: 0 });
    const done = await post('transaction', [organization, link(add)]);
    expect(done.status).toBe(200);
    const [made] = (await send('GET', `Organization?name=${value}`)).json['entry'] as Json[];
    expect((await send('GET', `Patient/${id}`)).json['managingOrganization']).toEqual({
      reference: `Organization/${made!['resource'].id}`,
    });
  });

  test('of type transaction: patches that race with others lose nothing', async () => {
    const id = await patient({ identifier: [{ value: 'first' }] });
    const add = (n: number) => ({
      resource: binary([{ op: 'add', path: '/identifier/-', value: { value: String(n) } }]),
      request: { method: 'PATCH', url: `Patient/${id}` },
    });
    const answers = await Promise.all(Array.from({ length: 8 }, (_, n) => post('transaction', [add(n)])));
    expect(answers.map(({ status }) => status)).toEqual(Array<number>(8).fill(200));
    expect((await send('GET', `Patient/${id}`)).json['identifier']).toHaveLength(9);
  });
});

test('a patch of a Subscription keeps its secrets, which it never sees sealed', async () => {
  const token = randomUUID();
  const { json } = await send('POST', 'Subscription', {
    ...classicSubscription('http://127.0.0.1:9/none', { header: [`Authorization: Bearer ${token}`] }),
    status: 'off',
  });
  const path = `Subscription/${json['id']}`;
  const patched = await jsonPatch(path, [
    { op: 'test', path: '/channel/header/0', value: `Authorization: Bearer ${token}` },
    { op: 'add', path: '/reason', value: 'patched' },
  ]);
  expect(patched.status).toBe(200);
  expect(patched.json['channel'].header).toEqual([`Authorization: Bearer ${token}`]);
  const refused = await jsonPatch(path, [{ op: 'replace', path: '/channel/header/0', value: 'Authorization: ***' }]);
  expect([refused.status, refused.issue['expression']]).toEqual([422, ['Subscription.channel.header[0]']]);
  const broken = await jsonPatch(path, [{ op: 'replace', path: '/criteria', value: 'Nonsense?x=1' }]);
  expect([broken.status, broken.issue['expression']]).toEqual([422, ['Subscription.criteria']]);
});
