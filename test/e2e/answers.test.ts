import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connect } from 'node:net';
import { hostname } from 'node:os';
import { brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { WebSocket } from 'ws';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { type Json, request } from '../support/rest-client.js';
import { type Hub, startHub } from '../support/start-hub.js';

let hub: Hub;
beforeAll(async () => {
  hub = await startHub({ env: { ALLOWED_HOSTS: 'hub.example' } });
  await request(hub, 'PUT', 'Patient/long', { resourceType: 'Patient', id: 'long', name: [{ family: 'x'.repeat(4000) }] });
  await request(hub, 'PUT', 'Patient/short', { resourceType: 'Patient', id: 'short' });
});
afterAll(() => hub?.stop());

const FOR_A_SOCKET = [
  ...['Host: localhost', 'Connection: Upgrade', 'Upgrade: websocket'],
  ...['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='],
];

/** As `fetch` cannot: with the bytes as they came, and headers that belong to browsers. */
function raw(method: string, path: string, headers: Record<string, string> = {}, body?: string | Buffer) {
  return new Promise<{ status: number; headers: IncomingHttpHeaders; body: Buffer }>((resolve, reject) => {
    const asked = httpRequest(`${hub.url}${path}`, { method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

describe('HEAD', () => {
  test.each([
    '/fhir/r4b/Patient/long',
    '/fhir/r4b/Patient/long/_history/1',
    '/fhir/r4b/Patient/long/_history',
    '/fhir/r4b/Patient/_history',
    '/fhir/r4b/_history',
    '/fhir/r4b/Patient?_id=long',
    '/fhir/r4b/metadata',
    '/fhir/r4/metadata',
    '/fhir/r4b/Patient/never',
    '/fhir/r4b/Nonsense',
    '/health/live',
    '/health/ready',
    '/metrics',
  ])('%s: what GET answers, without the body', async (path) => {
    const [head, get] = [await raw('HEAD', path), await raw('GET', path)];
    expect(head.body).toHaveLength(0);
    const told = ({ status, headers }: { status: number; headers: IncomingHttpHeaders }) => [
      status,
      headers['content-type'],
      headers['etag'],
      headers['last-modified'],
      headers['vary'],
    ];
    expect(told(head)).toEqual(told(get));
  });
});

describe('how answers look', () => {
  test('_pretty and _format on writes, refusals and Bundles', async () => {
    const created = await request(
      hub,
      'POST',
      'Patient?_pretty=true&_format=application/json',
      '{"resourceType":"Patient","active":true}',
    );
    expect(created.text).toMatch(/^\{\n {2}"resourceType": "Patient",\n/);
    expect(created.headers.get('content-type')).toBe('application/json; charset=utf-8');
    const refused = await request(hub, 'GET', 'Patient/never?_pretty=true');
    expect(refused.text).toMatch(/^\{\n {2}"resourceType": "OperationOutcome",\n/);
    const batch = await request(hub, 'POST', `${hub.fhir}?_pretty=true`, { resourceType: 'Bundle', type: 'batch' });
    expect(batch.text).toMatch(/^\{\n {2}"resourceType": "Bundle",\n/);
    const patched = await request(hub, 'PATCH', 'Patient/short?_pretty=true', '[]', {
      'content-type': 'application/json-patch+json',
    });
    expect(patched.text).toMatch(/^\{\n {2}"resourceType": "Patient",\n/);
  });

  test('XML is refused in words that say what is spoken', async () => {
    const asked = await request(hub, 'GET', 'Patient/short', undefined, { accept: 'application/fhir+xml' });
    expect([asked.status, asked.issue['diagnostics']]).toEqual([406, expect.stringContaining('speaks JSON')]);
    const sent = await request(hub, 'POST', 'Patient', '<Patient/>', { 'content-type': 'application/fhir+xml' });
    expect([sent.status, sent.issue['diagnostics']]).toEqual([415, expect.stringContaining('speaks JSON')]);
    const format = await request(hub, 'GET', 'Patient/short?_format=xml');
    expect([format.status, format.issue['diagnostics']]).toEqual([406, expect.stringContaining('speaks JSON')]);
  });

  test('another fhirVersion than the face speaks is a 406', async () => {
    for (const [face, version, status] of [
      ['r4b', '4.3', 200],
      ['r4b', '4.0', 406],
      ['r4', '4.0', 200],
      ['r4', '4.3', 406],
    ]) {
      const { status: found } = await request(hub, 'GET', `${hub.url}/fhir/${face}/Patient/short`, undefined, {
        accept: `application/fhir+json; fhirVersion=${version}`,
      });
      expect([face, version, found]).toEqual([face, version, status]);
    }
  });

  test('long answers are packed for those who take them so, the same bytes inside', async () => {
    const plain = await raw('GET', '/fhir/r4b/Patient/long');
    const brotli = await raw('GET', '/fhir/r4b/Patient/long', { 'accept-encoding': 'gzip, br' });
    const gzip = await raw('GET', '/fhir/r4b/Patient/long', { 'accept-encoding': 'gzip' });
    expect([plain, brotli, gzip].map(({ headers }) => headers['content-encoding'])).toEqual([undefined, 'br', 'gzip']);
    expect(brotliDecompressSync(brotli.body)).toEqual(plain.body);
    expect(gunzipSync(gzip.body)).toEqual(plain.body);
    for (const { headers } of [plain, brotli, gzip]) expect(headers['vary']).toContain('Accept-Encoding');
    const fresh = await raw('GET', '/fhir/r4b/Patient/long', { 'accept-encoding': 'gzip', 'if-none-match': 'W/"1"' });
    expect([fresh.status, fresh.body.length, fresh.headers['content-encoding']]).toEqual([304, 0, undefined]);
    expect(
      (await raw('GET', '/fhir/r4b/Patient/short', { 'accept-encoding': 'gzip' })).headers['content-encoding'],
    ).toBeUndefined();
    expect((await raw('GET', '/metrics', { 'accept-encoding': 'gzip' })).headers['content-encoding']).toBeUndefined();
  });
});

describe('hosts', () => {
  test('the hub answers to its own names alone, at every address', async () => {
    for (const path of [
      '/fhir/r4b/Patient/short',
      '/fhir/r4b/metadata',
      '/metrics',
      '/health/live',
      '/bulk/a/b',
      '/socket.io/?EIO=4&transport=polling',
    ]) {
      const named = await raw('GET', path, { host: 'evil.example' });
      expect([path, named.status]).toEqual([path, 421]);
      if (path !== '/metrics')
        expect((JSON.parse(named.body.toString()) as Json)['issue'][0]).toMatchObject({
          code: 'forbidden',
          expression: ['Host'],
        });
    }
    for (const host of ['localhost', '127.0.0.1:1', '[::1]:8080', 'hub.example', hostname()])
      expect([host, (await raw('GET', '/health/live', { host })).status]).toEqual([host, 200]);
  });

  test('a websocket is opened neither under another name nor for a page that may not read', async () => {
    const open = (path: string, headers: Record<string, string>) =>
      new Promise<number | undefined>((resolve) => {
        const socket = new WebSocket(`${hub.url.replace('http', 'ws')}${path}`, { headers });
        socket.on('open', () => socket.close());
        socket.on('close', () => resolve(101));
        socket.on('unexpected-response', (_request, response) => {
          resolve(response.statusCode);
          response.destroy();
        });
        socket.on('error', () => undefined);
      });
    const live = '/socket.io/?EIO=4&transport=websocket';
    for (const path of ['/ws', live]) {
      expect(await open(path, {})).toBe(101);
      expect(await open(path, { origin: 'http://localhost:3000' })).toBe(101);
      expect([path, await open(path, { origin: 'https://elsewhere.example' })]).toEqual([path, 403]);
      expect([path, await open(path, { host: 'evil.example' })]).toEqual([path, 421]);
    }
  });

  test.each([
    ['two hosts', 'GET /health/live', ['Host: localhost', 'Host: evil.example'], 400],
    ['the same host twice', 'GET /health/live', ['Host: localhost', 'host: localhost'], 400],
    ['two hosts at the live feed', 'GET /socket.io/?EIO=4&transport=polling', ['Host: localhost', 'Host: localhost'], 400],
    ['no name', 'GET /health/live', ['Host: '], 400],
    ['a user', 'GET /health/live', ['Host: evil@localhost'], 400],
    ['a path', 'GET /health/live', ['Host: localhost/x'], 400],
    ['a port that is none', 'GET /health/live', ['Host: localhost:x'], 400],
    ['a whole URL', 'GET http://localhost:1/health/live', ['Host: localhost'], 200],
    ['a whole URL without a path', 'GET http://localhost', ['Host: localhost'], 404],
    ['a whole URL, whatever Host says', 'GET http://hub.example/fhir/r4b/Patient/short', ['Host: evil.example'], 200],
    ['a whole URL of another host', 'GET http://evil.example/fhir/r4b/Patient/short', ['Host: localhost'], 421],
    ['a whole URL with a user', 'GET http://a@localhost/health/live', ['Host: localhost'], 400],
    ['a socket by a detour', 'GET /x/../ws', FOR_A_SOCKET, 404],
    ['the live feed by a detour', 'GET /x/../socket.io/?EIO=4&transport=websocket', FOR_A_SOCKET, 404],
    ['the live feed by a whole URL', 'GET http://localhost/socket.io/?EIO=4&transport=websocket', FOR_A_SOCKET, 404],
  ])('a request that names %s', async (_, line, headers, status) => {
    const answer = await new Promise<string>((resolve, reject) => {
      const lines = [`${line} HTTP/1.1`, ...headers, 'Connection: close', '', ''];
      const chunks: Buffer[] = [];
      const socket = connect(hub.port, '127.0.0.1', () => socket.write(lines.join('\r\n')));
      socket.on('data', (chunk) => chunks.push(chunk));
      socket.on('close', () => resolve(Buffer.concat(chunks).toString())).on('error', reject);
    });
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${String(status)} `));
    if (status >= 400) expect(answer).toContain('"OperationOutcome"');
  });
});

test('a body may come packed by gzip', async () => {
  const body = gzipSync('{"resourceType":"Patient","id":"packed","multipleBirthInteger":2}');
  const headers = { 'content-type': 'application/fhir+json', 'content-encoding': 'gzip' };
  const { status } = await raw('PUT', '/fhir/r4b/Patient/packed', headers, body);
  expect(status).toBe(201);
  expect((await raw('GET', '/fhir/r4b/Patient/packed')).body.toString()).toContain('"multipleBirthInteger":2');
});

describe('web pages', () => {
  const page = 'http://localhost:3000';
  const foreign = 'https://elsewhere.example';

  test('of this machine may ask, write and see the headers that count', async () => {
    const preflight = await raw('OPTIONS', '/fhir/r4b/Patient/short', { origin: page, 'access-control-request-method': 'PUT' });
    expect(preflight.status).toBe(204);
    expect(preflight.headers).toMatchObject({
      'access-control-allow-origin': page,
      'access-control-allow-methods': expect.stringContaining('PATCH'),
      'access-control-allow-headers': expect.stringContaining('If-None-Exist'),
      vary: expect.stringContaining('Origin'),
    });
    const written = await raw(
      'PUT',
      '/fhir/r4b/Patient/page',
      { origin: page, 'content-type': 'application/fhir+json' },
      '{"resourceType":"Patient","id":"page"}',
    );
    expect(written.status).toBe(201);
    expect(written.headers['access-control-allow-origin']).toBe(page);
    for (const name of ['ETag', 'Location', 'Content-Location', 'Last-Modified'])
      expect(written.headers['access-control-expose-headers']).toContain(name);
    const file = await raw('GET', '/bulk/never/Patient.ndjson', { origin: page });
    expect([file.status, file.headers['access-control-allow-origin']]).toEqual([404, page]);
    const refused = await raw('GET', '/fhir/r4b/Patient/never', { origin: page });
    expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([404, page]);
  });

  test('of elsewhere are shown nothing by their browser and can change nothing', async () => {
    const preflight = await raw('OPTIONS', '/fhir/r4b/Patient/short', {
      origin: foreign,
      'access-control-request-method': 'PUT',
    });
    expect([preflight.status, preflight.headers['access-control-allow-origin']]).toEqual([403, undefined]);
    const read = await raw('GET', '/fhir/r4b/Patient/short', { origin: foreign });
    expect([read.status, read.headers['access-control-allow-origin'], read.headers['vary']]).toEqual([200, undefined, 'Origin']);
    for (const origin of [foreign, 'null']) {
      const posted = await raw(
        'POST',
        '/fhir/r4b/Patient',
        { origin, 'content-type': 'application/fhir+json' },
        '{"resourceType":"Patient"}',
      );
      expect([posted.status, (JSON.parse(posted.body.toString()) as Json)['issue'][0].code]).toEqual([403, 'forbidden']);
    }
  });
});
