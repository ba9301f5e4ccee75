import { afterEach, expect, test } from '@jest/globals';
import fastifyOf, { type FastifyInstance } from 'fastify';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { shapeAnswers } from '../../../src/http/shape-answers.js';

let fastify: FastifyInstance;
afterEach(() => fastify.close());

const long = `{"text":"${'x'.repeat(5000)}"}`;

function serving(answer: (name: string) => unknown): FastifyInstance {
  fastify = fastifyOf();
  shapeAnswers(fastify);
  fastify.get<{ Params: { name: string }; Querystring: { type?: string } }>('/fhir/r4b/:name', (request, reply) =>
    reply.header('content-type', request.query.type ?? 'application/fhir+json').send(answer(request.params.name)),
  );
  fastify.get('/metrics', (_request, reply) => reply.header('content-type', 'text/plain').send(long));
  return fastify;
}

const get = (url: string, encoding?: string, method: 'GET' | 'HEAD' = 'GET') =>
  fastify.inject({ method, url, headers: encoding === undefined ? {} : { 'accept-encoding': encoding } });

test('long texts are packed as asked for, and say that they depend on it', async () => {
  serving(() => long);
  const brotli = await get('/fhir/r4b/a', 'gzip, br');
  expect([brotli.headers['content-encoding'], brotli.headers['vary']]).toEqual(['br', 'Accept-Encoding']);
  expect(brotliDecompressSync(brotli.rawPayload).toString()).toBe(long);
  expect(brotli.headers['content-length']).toBe(String(brotli.rawPayload.length));
  const gzip = await get('/fhir/r4b/a', 'gzip');
  expect(gunzipSync(gzip.rawPayload).toString()).toBe(long);
  const plain = await get('/fhir/r4b/a');
  expect([plain.payload, plain.headers['content-encoding'], plain.headers['vary']]).toEqual([long, undefined, 'Accept-Encoding']);
});

test('short ones, pictures, streams of events and metrics stay as they are', async () => {
  serving((name) => (name === 'short' ? '{}' : long));
  for (const url of ['/fhir/r4b/short', '/fhir/r4b/a?type=image/png', '/fhir/r4b/a?type=text/event-stream', '/metrics']) {
    const { headers } = await get(url, 'gzip, br');
    expect([url, headers['content-encoding'], headers['vary']]).toEqual([url, undefined, undefined]);
  }
});

test('a stream is packed as it comes; one that breaks off does not look whole', async () => {
  serving((name) =>
    Readable.from(
      (function* () {
        for (let line = 0; line < 2000; line += 1) {
          if (name === 'broken' && line === 1000) throw new Error('the source is gone');
          yield `{"line":${String(line)},"noise":"${randomBytes(600).toString('hex')}"}\n`;
        }
      })(),
    ),
  );
  const whole = await get('/fhir/r4b/whole?type=application/fhir%2Bndjson', 'gzip');
  expect(gunzipSync(whole.rawPayload).toString().split('\n')).toHaveLength(2001);
  await fastify.listen({ port: 0, host: '127.0.0.1' });
  const { port } = fastify.server.address() as AddressInfo;
  const asked = httpRequest({
    port,
    host: '127.0.0.1',
    path: '/fhir/r4b/broken?type=application/fhir%2Bndjson',
    headers: { 'accept-encoding': 'gzip' },
  });
  asked.end();
  const ended = await new Promise<string>((resolve) => {
    asked.on('error', () => resolve('cut'));
    asked.on('response', (response: IncomingMessage) => {
      response.resume();
      response.on('error', () => resolve('cut'));
      void once(response, 'end').then(
        () => resolve(response.complete && response.statusCode === 200 ? 'whole' : 'cut'),
        () => resolve('cut'),
      );
    });
  });
  expect(ended).toBe('cut');
});

test('_pretty=true breaks any JSON into lines, once', async () => {
  serving((name) => (name === 'broken' ? '{\n  "a": 1.00\n}' : '{"a":1.00}'));
  expect((await get('/fhir/r4b/a?_pretty=true')).payload).toBe('{\n  "a": 1.00\n}');
  expect((await get('/fhir/r4b/broken?_pretty=true')).payload).toBe('{\n  "a": 1.00\n}');
  expect((await get('/fhir/r4b/a?_pretty=false')).payload).toBe('{"a":1.00}');
  expect((await get('/fhir/r4b/a?_pretty=true&type=image/png')).payload).toBe('{"a":1.00}');
});
