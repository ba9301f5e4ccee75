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

const JSON_TYPE = { 'content-type': 'application/fhir+json' };

async function send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(path.startsWith('http') ? path : `${hub.fhir}${path}`, {
    method,
    headers: body === undefined ? headers : { ...JSON_TYPE, ...headers },
    body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: (text === '' ? undefined : JSON.parse(text)) as Json | undefined,
  };
}

const patient = (more: object = {}) => ({ resourceType: 'Patient', active: true, ...more });

async function put(id: string, more: object = {}, headers: Record<string, string> = {}) {
  return send('PUT', `/Patient/${id}`, patient({ id, ...more }), headers);
}

describe('create', () => {
  test('answers 201 with the resource, its version, its time and its address', async () => {
    const before = Date.now();
    const { status, headers, json } = await send('POST', '/Patient', patient({ id: 'ignored', meta: { tag: [{ code: 't' }] } }));
    expect(status).toBe(201);
    expect(json).toEqual({
      ...patient(),
      id: expect.stringMatching(/^[A-Za-z0-9.-]{1,64}$/),
      meta: { versionId: '1', lastUpdated: expect.any(String), tag: [{ code: 't' }] },
    });
    expect(json!['id']).not.toBe('ignored');
    expect(headers.get('etag')).toBe('W/"1"');
    expect(headers.get('location')).toBe(`${hub.fhir}/Patient/${json!['id']}/_history/1`);
    expect(headers.get('content-type')).toMatch(/^application\/fhir\+json/);
    const at = Date.parse(json!['meta'].lastUpdated);
    expect(at).toBeGreaterThanOrEqual(before);
    expect(Date.parse(headers.get('last-modified')!)).toBe(Math.floor(at / 1000) * 1000);
  });

  test('answers what Prefer asks for', async () => {
    const minimal = await send('POST', '/Patient', patient(), { prefer: 'return=minimal' });
    expect([minimal.status, minimal.text, minimal.headers.get('etag')]).toEqual([201, '', 'W/"1"']);
    const outcome = await send('POST', '/Patient', patient(), { prefer: 'respond-async, return=OperationOutcome' });
    expect(outcome.json).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ severity: 'information' }] });
    const whole = await send('POST', '/Patient', patient(), { prefer: 'return=representation' });
    expect(whole.json).toMatchObject({ resourceType: 'Patient' });
  });

  test('is the same through the other face, which gives its own address', async () => {
    const { status, headers, json } = await send('POST', `${hub.url}/fhir/r4/Patient`, patient(), {
      'content-type': 'application/fhir+json; fhirVersion=4.0',
    });
    expect(status).toBe(201);
    expect(headers.get('location')).toBe(`${hub.url}/fhir/r4/Patient/${json!['id']}/_history/1`);
    expect((await send('GET', `/Patient/${json!['id']}`)).json).toEqual(json);
  });

  test('under a condition makes one resource, however many ask at once', async () => {
    const value = randomUUID();
    const body = patient({ identifier: [{ system: 'http://a', value }] });
    const condition = { 'if-none-exist': `identifier=http://a|${value}` };
    const answers = await Promise.all(Array.from({ length: 20 }, () => send('POST', '/Patient', body, condition)));
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array<number>(19).fill(200), 201]);
    expect(new Set(answers.map(({ headers }) => headers.get('location'))).size).toBe(1);
    expect((await send('GET', `/Patient?identifier=http://a|${value}`)).json).toMatchObject({ total: 1 });
  });

  test('under a condition that several match is a 412, under one that is none a 400', async () => {
    const value = randomUUID();
    const body = patient({ identifier: [{ value }] });
    await send('POST', '/Patient', body);
    await send('POST', '/Patient', body);
    expect((await send('POST', '/Patient', body, { 'if-none-exist': `identifier=${value}` })).status).toBe(412);
    expect((await send('POST', '/Patient', body, { 'if-none-exist': '' })).status).toBe(400);
    expect((await send('POST', '/Patient', body, { 'if-none-exist': 'no-such-parameter=1' })).status).toBe(400);
  });
});

describe('update', () => {
  test('makes a resource under the id of the client with 201, and a new version with 200', async () => {
    const id = `client.${randomUUID()}`;
    const first = await put(id);
    expect([first.status, first.headers.get('location')]).toEqual([201, `${hub.fhir}/Patient/${id}/_history/1`]);
    const second = await put(id, { active: false });
    expect([second.status, second.headers.get('etag'), second.headers.get('location')]).toEqual([200, 'W/"2"', null]);
    expect(second.json).toMatchObject({ active: false, meta: { versionId: '2' } });
  });

  test('that changes nothing makes no version', async () => {
    const id = randomUUID();
    const first = await put(id);
    const again = await put(id, { meta: { versionId: '5', lastUpdated: '2000-01-01T00:00:00Z' } });
    expect([again.status, again.headers.get('etag'), again.text]).toEqual([200, 'W/"1"', first.text]);
    expect((await send('GET', `/Patient/${id}/_history`)).json).toMatchObject({ total: 1 });
  });

  test('refuses a body without the id of its address', async () => {
    expect((await send('PUT', '/Patient/a', patient())).json).toMatchObject({ issue: [{ expression: ['Patient.id'] }] });
    expect((await send('PUT', '/Patient/a', patient())).status).toBe(400);
    expect((await send('PUT', '/Patient/a', patient({ id: 'b' }))).status).toBe(400);
  });

  test('holds to If-Match, with and without W/, and to If-None-Match', async () => {
    const id = randomUUID();
    await put(id);
    expect((await put(id, { gender: 'male' }, { 'if-match': 'W/"1"' })).status).toBe(200);
    expect((await put(id, { gender: 'female' }, { 'if-match': 'W/"1"' })).status).toBe(412);
    expect((await put(id, { gender: 'female' }, { 'if-match': '"2"' })).status).toBe(200);
    expect((await put(id, { gender: 'other' }, { 'if-match': 'W/"abc"' })).status).toBe(412);
    expect((await put(id, {}, { 'if-none-match': '*' })).status).toBe(412);
    expect((await put(randomUUID(), {}, { 'if-none-match': '*' })).status).toBe(201);
    for (const malformed of ['', '*', 'W/"1", W/"2"', 'W/1 or 2']) {
      expect([malformed, (await put(id, {}, { 'if-match': malformed })).status]).toEqual([malformed, 400]);
    }
  });

  test('lets one of many with the same If-Match win, and numbers all versions without a gap', async () => {
    const id = randomUUID();
    await put(id);
    const race = await Promise.all(
      Array.from({ length: 20 }, (_, n) => put(id, { multipleBirthInteger: n }, { 'if-match': 'W/"1"' })),
    );
    expect(race.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(19).fill(412)]);
    const many = await Promise.all(Array.from({ length: 50 }, (_, n) => put(id, { multipleBirthInteger: 100 + n })));
    const versions = many.map(({ json }) => Number(json!['meta'].versionId)).sort((a, b) => a - b);
    expect(versions).toEqual(Array.from({ length: 50 }, (_, n) => n + 3));
  });
});

describe('delete', () => {
  test('answers 204, again and again, and the resource is gone', async () => {
    const id = randomUUID();
    await put(id);
    const first = await send('DELETE', `/Patient/${id}`);
    expect([first.status, first.text, first.headers.get('etag')]).toEqual([204, '', 'W/"2"']);
    expect((await send('DELETE', `/Patient/${id}`)).status).toBe(204);
    expect((await send('DELETE', `/Patient/${randomUUID()}`)).status).toBe(204);
    expect((await send('GET', `/Patient/${id}`)).status).toBe(410);
    expect((await send('GET', `/Patient/${id}/_history`)).json).toMatchObject({ total: 2 });
  });

  test('is undone by an update, whose version goes on', async () => {
    const id = randomUUID();
    await put(id);
    await send('DELETE', `/Patient/${id}`);
    const revived = await put(id);
    expect([revived.status, revived.headers.get('etag')]).toEqual([201, 'W/"3"']);
    expect((await send('GET', `/Patient/${id}`)).status).toBe(200);
  });

  test('answers an OperationOutcome to those who prefer one, and holds to If-Match', async () => {
    const id = randomUUID();
    await put(id);
    expect((await send('DELETE', `/Patient/${id}`, undefined, { 'if-match': 'W/"7"' })).status).toBe(412);
    const { status, json } = await send('DELETE', `/Patient/${id}`, undefined, { prefer: 'return=OperationOutcome' });
    expect([status, json!['resourceType']]).toEqual([200, 'OperationOutcome']);
  });
});

test('a slash behind an address changes nothing', async () => {
  const batch = { resourceType: 'Bundle', type: 'batch', entry: [{ request: { method: 'GET', url: 'Patient?_count=1' } }] };
  expect(await send('POST', '/', batch)).toMatchObject({ status: 200, json: { type: 'batch-response' } });
  expect(await send('POST', '/Patient/', patient())).toMatchObject({ status: 201 });
  expect(await send('GET', '/metadata/')).toMatchObject({ status: 200, json: { resourceType: 'CapabilityStatement' } });
});

test('what was written is found at once, and no longer after it changed', async () => {
  const id = randomUUID();
  const family = `name${id}`;
  await put(id, { name: [{ family }] });
  expect((await send('GET', `/Patient?family=${family}`)).json).toMatchObject({ total: 1 });
  await put(id, { name: [{ family: 'other' }] });
  expect((await send('GET', `/Patient?family=${family}`)).json).toMatchObject({ total: 0 });
});
