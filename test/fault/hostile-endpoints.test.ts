import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { OutboundClient } from '../../src/outbound/outbound-client.js';
import { Dialled } from '../support/dialled.js';
import { EndpointReceiver } from '../support/endpoint-receiver.js';
import {
  brotliBomb,
  coded,
  gzipBomb,
  head,
  type Hostility,
  HostileEndpoint,
  pour,
  trickle,
} from '../support/hostile-endpoint.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { classicSubscription, Client } from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';

const bomb = gzipBomb();
const seen = new WeakSet<object>();

/** How an endpoint may misbehave, by name. */
const WAYS = {
  silence: () => {},
  'slow-head': (socket) => trickle(socket, nextOf(head('X-A: b', 'Content-Length: 2') + 'ok')),
  'header-flood': (socket) => (socket.write('HTTP/1.1 200 OK\r\n'), pour(socket, `X-Flood: ${'x'.repeat(500)}\r\n`)),
  'long-header': (socket) => (socket.write('HTTP/1.1 200 OK\r\nX-Long: '), pour(socket, 'x'.repeat(65_536))),
  'interim-flood': (socket) => pour(socket, 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(100)),
  'interim-trickle': (socket) => trickle(socket, () => 'HTTP/1.1 102 Processing\r\n\r\n'),
  'continue-uncalled': (socket) => void socket.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'),
  'switches-protocol': (socket) =>
    void socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'),
  'endless-body': (socket) => (
    socket.write(head('Transfer-Encoding: identity', 'Connection: close')),
    pour(socket, 'x'.repeat(65_536))
  ),
  'slow-body': (socket) => (socket.write(head('Content-Length: 1000000')), trickle(socket, () => 'x')),
  'one-byte-chunks': (socket) => (socket.write(head('Transfer-Encoding: chunked')), pour(socket, '1\r\nx\r\n'.repeat(5000))),
  'chunk-extensions': (socket) => (socket.write(head('Transfer-Encoding: chunked') + '1;a='), pour(socket, 'x'.repeat(262_144))),
  'gzip-bomb': (socket) => coded('gzip', bomb)(socket),
  'brotli-bomb': coded('br', brotliBomb(22)),
  'brotli-window': coded('br', brotliBomb(24)),
  'piled-codings': coded('gzip, gzip', gzipSync(gzipSync(Buffer.alloc(1_000_000)))),
  'broken-gzip': coded('gzip', Buffer.concat([gzipSync('begin').subarray(0, 12), Buffer.alloc(100, 7)])),
  'reset-in-body': (socket) => void socket.write(head('Content-Length: 100') + 'x'.repeat(50), () => socket.resetAndDestroy()),
  'reset-at-once': (socket) => void socket.resetAndDestroy(),
  'half-closed': (socket) => void socket.end(),
  'half-closed-in-head': (socket) => void socket.end('HTTP/1.1 200 OK\r\nConte'),
  'short-body': (socket) => void socket.end(head('Content-Length: 100') + 'short'),
  'two-lengths': (socket) => void socket.write(head('Content-Length: 2', 'Content-Length: 4') + 'ok'),
  'length-and-chunks': (socket) =>
    void socket.write(head('Content-Length: 2', 'Transfer-Encoding: chunked') + '2\r\nok\r\n0\r\n\r\n'),
  'no-http': (socket) => void socket.write('SSH-2.0-OpenSSH_9.6\r\n'),
  'redirect-to-metadata': (socket) =>
    void socket.write('HTTP/1.1 307 Temporary Redirect\r\nLocation: http://169.254.169.254/latest/\r\nContent-Length: 0\r\n\r\n'),
  'second-answer': (socket) =>
    void socket.write(head('Content-Length: 2') + 'ok' + head('Content-Length: 8', 'X-Smuggled: yes') + 'smuggled'),
  // Once a connection has served, it is cut as the next request comes.
  'dies-when-used-again': (socket) => {
    if (seen.has(socket)) return void socket.destroy();
    seen.add(socket);
    socket.write(head('Content-Length: 2') + 'ok');
  },
  'closes-after-each': (socket) => void socket.end(head('Connection: close', 'Content-Length: 2') + 'ok'),
  'closes-unannounced': (socket) => void socket.end(head('Content-Length: 2') + 'ok'),
} satisfies Record<string, Hostility>;

function nextOf(text: string): () => string {
  let at = 0;
  return () => text[at++ % text.length]!;
}

type Way = keyof typeof WAYS;
const UNANSWERED: Way[] = [
  ...(['silence', 'slow-head', 'header-flood', 'long-header', 'interim-flood', 'interim-trickle', 'continue-uncalled'] as const),
  ...(['switches-protocol', 'reset-at-once', 'half-closed', 'half-closed-in-head', 'two-lengths', 'no-http'] as const),
];
const CUT_OFF: Way[] = [
  ...([
    'endless-body',
    'slow-body',
    'one-byte-chunks',
    'chunk-extensions',
    'gzip-bomb',
    'brotli-bomb',
    'brotli-window',
    'piled-codings',
  ] as const),
  ...(['broken-gzip', 'reset-in-body', 'short-body'] as const),
];

const MIB = 1024 * 1024;
const PAYLOAD = { payload: 'application/fhir+json' };
/** Short of what any of these would take by itself. */
const TIMEOUT_MS = 1000;
/** For what is answered at once, however busy the machine is. */
const PATIENCE_MS = 20_000;

let hostile: HostileEndpoint;
let dialled: Dialled;

beforeAll(async () => {
  hostile = await HostileEndpoint.start(WAYS);
  dialled = new Dialled();
});
afterAll(async () => {
  dialled?.end();
  await hostile?.close();
});

describe('a call', () => {
  let client: OutboundClient;
  beforeAll(() => {
    const policy = { allowLoopback: true, allowed: [], plainHttp: 'inside', ports: [] } as const;
    // One connection only: a call that did not give it back would hold up the next for ever.
    client = new OutboundClient({ policy, connectSeconds: 2, headSeconds: 60, connectionsPerOrigin: 1 });
  });
  afterAll(() => client.close());
  const call = (way: string, { timeoutMs = PATIENCE_MS, maxAnswerBytes }: { timeoutMs?: number; maxAnswerBytes?: number } = {}) =>
    client.send({
      method: 'POST',
      url: new URL(hostile.url(way)),
      headers: [['webhook-id', 'x']],
      body: '{}',
      timeoutMs,
      maxAnswerBytes,
    });
  const isUsable = async () => {
    const good = await client.send({
      method: 'POST',
      url: new URL(hostile.url('good')),
      headers: [],
      body: '{}',
      timeoutMs: PATIENCE_MS,
    });
    expect(good).toMatchObject({ kind: 'answered', status: 200, complete: true });
  };

  test.each(UNANSWERED)('that meets %s ends as a failure, in its time, and the next one is served', async (way) => {
    const outcome = await call(way, { timeoutMs: TIMEOUT_MS });
    expect(outcome).toMatchObject({ kind: 'failed', fault: expect.stringMatching(/^(timeout|network)$/) });
    await isUsable();
  });

  test.each(CUT_OFF)('that meets %s counts as answered, its body is cut off, and the next one is served', async (way) => {
    const answer = await call(way, { timeoutMs: TIMEOUT_MS });
    expect(answer).toMatchObject({ kind: 'answered', status: 200, complete: false });
    expect(answer.kind === 'answered' && answer.body.length).toBeLessThanOrEqual(64 * 1024);
    await isUsable();
  });

  test('to one that sends lengths of two kinds takes none of them for a second answer', async () => {
    await call('length-and-chunks', { timeoutMs: TIMEOUT_MS });
    await isUsable();
  });

  test('inflates no more than its bound, however much there is', async () => {
    const answer = await call('gzip-bomb', { maxAnswerBytes: 2 * MIB });
    expect(answer).toMatchObject({ kind: 'answered', complete: false });
    expect(answer.kind === 'answered' && answer.body.length).toBe(2 * MIB);
  });

  test('follows no redirect, not even to where credentials lie', async () => {
    dialled.clear();
    expect(await call('redirect-to-metadata')).toMatchObject({ kind: 'answered', status: 307 });
    expect(new Set(dialled.addresses)).toEqual(new Set(dialled.addresses.length > 0 ? ['127.0.0.1'] : []));
  });

  test('never takes an answer that nobody asked for', async () => {
    expect(await call('second-answer')).toMatchObject({ kind: 'answered', complete: true });
    await isUsable();
  });

  test('over a kept connection that had died is made once more over a new one, and only once', async () => {
    for (let round = 0; round < 5; round++)
      expect(await call('dies-when-used-again')).toMatchObject({ kind: 'answered', status: 200 });
    const before = hostile.requests.length;
    await call('good');
    expect(await call('reset-at-once', { timeoutMs: TIMEOUT_MS })).toMatchObject({ kind: 'failed', fault: 'network' });
    expect(hostile.requests.slice(before).filter((line) => line.includes('reset-at-once')).length).toBeLessThanOrEqual(2);
  });

  test.each<Way>(['closes-after-each', 'closes-unannounced'])('to one that %s is answered, fifty times over', async (way) => {
    for (let round = 0; round < 50; round++) expect(await call(way)).toMatchObject({ kind: 'answered', status: 200 });
  });

  test.each<[string, Hostility]>([
    ['closes each connection before a word', (socket) => void socket.destroy()],
    ['resets each connection before a word', (socket) => void socket.resetAndDestroy()],
    ['answers 200 before it was asked', (socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')],
    ['answers 500 before it was asked', (socket) => void socket.end('HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n')],
    ['says anything before it was asked', (socket) => void socket.write('220 mail.example ESMTP\r\n')],
  ])('to an endpoint that %s is over in its time, and took few connections', async (_, greet) => {
    const endpoint = await HostileEndpoint.start({}, greet);
    const url = new URL(endpoint.url(''));
    const outcome = await client.send({ method: 'POST', url, headers: [], body: 'x'.repeat(MIB), timeoutMs: TIMEOUT_MS });
    expect(outcome.kind === 'answered' || ['network', 'timeout'].includes(outcome.fault)).toBe(true);
    expect(endpoint.connections).toBeLessThanOrEqual(3);
    await endpoint.close();
  });
});

describe('a compressed answer that nobody asked for is read', () => {
  const text = JSON.stringify({ taken: 'ä'.repeat(1000) });
  test.each<[string, Buffer]>([
    ['gzip', gzipSync(text)],
    ['x-gzip', gzipSync(text)],
    ['deflate', deflateSync(text)],
    ['deflate', deflateRawSync(text)],
    ['GZIP', gzipSync(text)],
    ['identity', Buffer.from(text)],
  ])('%s', async (encoding, body) => {
    const endpoint = await HostileEndpoint.start({ coded: coded(encoding, body) });
    const policy = { allowLoopback: true, allowed: [], plainHttp: 'inside', ports: [] } as const;
    const client = new OutboundClient({ policy, connectSeconds: 2, headSeconds: 60, connectionsPerOrigin: 1 });
    const answer = await client.send({ method: 'GET', url: new URL(endpoint.url('coded')), headers: [], timeoutMs: 20_000 });
    expect(answer).toMatchObject({ kind: 'answered', complete: true });
    expect(answer.kind === 'answered' && answer.body.toString()).toBe(text);
    await client.close();
    await endpoint.close();
  });
});

describe('a hub that all of them subscribed to', () => {
  let hub: Hub;
  let healthy: EndpointReceiver;
  beforeAll(async () => {
    healthy = await EndpointReceiver.start();
    hub = await startHub({
      env: {
        DELIVERY_ATTEMPT_SECONDS: '2',
        DELIVERY_BACKOFF_MILLISECONDS: '200',
        DELIVERY_ATTEMPTS_IN_ALL: '4',
        LOG_LEVEL: 'warn',
        // What is held shows, not what the collector has not come to yet.
        NODE_OPTIONS: '--max-semi-space-size=4',
      },
    });
  });
  afterAll(async () => {
    await hub?.stop();
    await healthy?.close();
  });

  /** The most memory it has held since it started, in bytes. */
  const peakMemory = () => 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${hub.pid}/status`, 'utf8'))![1]);

  test('serves a healthy one through its four places all the while, grows by little, and calls nobody else', async () => {
    const client = new Client(hub);
    const atHealthy = (count: number) => healthy.waitForCount(count, ({ path }) => path === '/hook', 60_000);
    await client.create(classicSubscription(healthy.url('/hook')));
    // As many healthy ones first, for what any work of this size costs.
    for (const way of Object.keys(WAYS)) await client.create(classicSubscription(healthy.url(`/${way}`), PAYLOAD));
    for (let count = 1; count <= 60; count++) await client.result(count);
    await atHealthy(60);
    await healthy.waitForCount(60 * (1 + Object.keys(WAYS).length), () => true, 60_000);
    const before = peakMemory();

    for (const way of Object.keys(WAYS)) await client.create(classicSubscription(hostile.url(way), PAYLOAD));
    for (let count = 61; count <= 80; count++) await client.result(count);
    await atHealthy(80);
    await waitFor(() => Object.keys(WAYS).every((way) => hostile.requests.some((line) => line.includes(` /${way}/`))), {
      milliseconds: 60_000,
      what: 'an attempt at each endpoint',
    });
    expect((await client.send('GET', 'Subscription?_summary=count')).status).toBe(200);
    // One bomb, or one endless body, that was let in whole would be a gigabyte.
    expect(peakMemory() - before).toBeLessThan(128 * MIB);
    expect(dialled.addresses.filter((address) => address.startsWith('169.'))).toEqual([]);
  });
});
