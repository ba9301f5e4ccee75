import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { type Hub, startHub } from '../support/start-hub.js';

let hub: Hub;

beforeAll(async () => {
  hub = await startHub();
  await put('Patient', 'p', '{"resourceType":"Patient","id":"p","active":true}');
  await put('Patient', 'p', '{"resourceType":"Patient","id":"p","active":false}');
  await put('Patient', 'gone', '{"resourceType":"Patient","id":"gone"}');
  await fetch(`${hub.fhir}/Patient/gone`, { method: 'DELETE' });
  await put(
    'Observation',
    'o',
    '{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.00}}',
  );
});

afterAll(() => hub?.stop());

function put(type: string, id: string, body: string) {
  return fetch(`${hub.fhir}/${type}/${id}`, { method: 'PUT', body, headers: { 'content-type': 'application/fhir+json' } });
}

const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(`${hub.url}/fhir/${path}`, { headers, method });

describe('read', () => {
  test('gives the text as it was sent, with ETag and Last-Modified', async () => {
    const response = await get('r4b/Observation/o');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/fhir+json; charset=utf-8');
    expect(response.headers.get('etag')).toBe('W/"1"');
    const text = await response.text();
    expect(text).toContain('"value":1.00');
    const { lastUpdated } = (JSON.parse(text) as { meta: { lastUpdated: string } }).meta;
    expect(response.headers.get('last-modified')).toBe(new Date(lastUpdated).toUTCString());
  });

  test('sees the same in both faces', async () => {
    expect(await (await get('r4/Patient/p')).text()).toBe(await (await get('r4b/Patient/p')).text());
  });

  test.each([
    ['Patient/never', 404, 'not-found'],
    ['Patient/gone', 410, 'deleted'],
    ['Nonsense/p', 404, 'not-supported'],
    ['patient/p', 404, 'not-supported'],
    ['Patient/p_p', 404, 'not-found'],
    [`Patient/${'x'.repeat(65)}`, 404, 'not-found'],
    ['Patient/$nonsense', 404, 'not-supported'],
    ['Patient/p/_history/9', 404, 'not-found'],
    ['Patient/p/_history/0', 404, 'not-found'],
    ['Patient/p/_history/99999999999', 404, 'not-found'],
    ['Patient/p/_history/x', 404, 'not-found'],
    ['Patient/gone/_history/2', 410, 'deleted'],
    ["Patient/'%3B--", 404, 'not-found'],
  ])('%s: %s %s', async (path, status, code) => {
    const response = await get(`r4b/${path}`);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ severity: 'error', code }] });
  });

  test('an unknown face is a 404', async () => expect((await get('r9/Patient/p')).status).toBe(404));

  test('old versions stay readable', async () => {
    expect(await (await get('r4b/Patient/p/_history/1')).json()).toMatchObject({ active: true, meta: { versionId: '1' } });
    expect(await (await get('r4b/Patient/p')).json()).toMatchObject({ active: false, meta: { versionId: '2' } });
    expect((await get('r4b/Patient/gone/_history/1')).status).toBe(200);
  });

  test('conditional read: 304 without a body while the client has the current version', async () => {
    const fresh = await get('r4b/Patient/p', { 'if-none-match': 'W/"2"' });
    expect(fresh.status).toBe(304);
    expect(await fresh.text()).toBe('');
    expect(fresh.headers.get('etag')).toBe('W/"2"');
    expect((await get('r4b/Patient/p', { 'if-none-match': 'W/"1"' })).status).toBe(200);
    const since = (await get('r4b/Patient/p')).headers.get('last-modified') ?? '';
    expect((await get('r4b/Patient/p', { 'if-modified-since': since })).status).toBe(304);
    expect((await get('r4b/Patient/p', { 'if-modified-since': new Date(Date.parse(since) - 1000).toUTCString() })).status).toBe(
      200,
    );
  });

  test('HEAD gives the headers alone', async () => {
    const head = await get('r4b/Patient/p', {}, 'HEAD');
    expect(head.status).toBe(200);
    expect(head.headers.get('etag')).toBe('W/"2"');
    expect(await head.text()).toBe('');
    expect((await get('r4b/Patient/never', {}, 'HEAD')).status).toBe(404);
  });

  test('_pretty breaks lines and keeps digits; _format chooses the media type', async () => {
    const pretty = await (await get('r4b/Observation/o?_pretty=true')).text();
    expect(pretty).toContain('\n    "value": 1.00\n');
    expect((await get('r4b/Patient/p?_format=json')).status).toBe(200);
    expect((await get('r4b/Patient/p?_format=xml')).status).toBe(406);
    expect((await get('r4b/Patient/p', { accept: 'application/fhir+xml' })).status).toBe(406);
  });

  test('a read begun after a write was answered sees it', async () => {
    for (let n = 0; n < 20; n++) {
      await put('Basic', 'b', JSON.stringify({ resourceType: 'Basic', id: 'b', code: { text: String(n) } }));
      const read = await Promise.all([1, 2, 3].map(async () => (await get('r4b/Basic/b')).json()));
      for (const body of read) expect(body).toMatchObject({ code: { text: String(n) } });
    }
  });
});
