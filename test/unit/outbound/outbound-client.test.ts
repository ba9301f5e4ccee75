import { afterEach, beforeAll, afterAll, describe, expect, test } from '@jest/globals';
import { type AddressInfo, createServer } from 'node:net';
import { OutboundClient, type OutboundSettings } from '../../../src/outbound/outbound-client.js';
import { EndpointReceiver } from '../../support/endpoint-receiver.js';

let receiver: EndpointReceiver;
const clients: OutboundClient[] = [];

beforeAll(async () => {
  receiver = await EndpointReceiver.start();
});
afterAll(() => receiver.close());
afterEach(async () => {
  receiver.clear();
  receiver.always(200);
  for (const client of clients.splice(0)) await client.close();
});

function clientWith(
  policy: Partial<OutboundSettings['policy']> = {},
  resolve?: (name: string) => Promise<string[]>,
): OutboundClient {
  const client = new OutboundClient(
    {
      policy: { allowLoopback: true, allowed: [], plainHttp: 'inside', ports: [], ...policy },
      connectSeconds: 2,
      headSeconds: 60,
      connectionsPerOrigin: 4,
    },
    resolve,
  );
  clients.push(client);
  return client;
}

const post = (client: OutboundClient, url: string, timeoutMs = 5000) =>
  client.send({ method: 'POST', url: new URL(url), headers: [['X-A', 'b']], body: 'hello', timeoutMs });

describe('a call out of the hub', () => {
  test('arrives with its headers and body, and brings back the answer', async () => {
    receiver.next({ kind: 'status', status: 202, body: 'taken' });
    const answer = await post(clientWith(), receiver.url('/a?b=c'));
    expect(answer).toMatchObject({ kind: 'answered', status: 202, complete: true });
    expect(answer.kind === 'answered' && answer.body.toString()).toBe('taken');
    expect(receiver.received[0]).toMatchObject({ path: '/a?b=c', text: 'hello' });
    expect(receiver.received[0]!.headers['x-a']).toBe('b');
  });

  test('follows no redirect', async () => {
    receiver.next({ kind: 'status', status: 302, headers: { location: receiver.url('/elsewhere') } });
    expect(await post(clientWith(), receiver.url())).toMatchObject({ kind: 'answered', status: 302 });
    expect(receiver.received).toHaveLength(1);
  });

  test.each(['127.0.0.1', '2130706433', '0x7f000001', '0177.0.0.1', '127.1', '[::ffff:127.0.0.1]'])(
    'makes no connection to the literal %s where loopback is closed',
    async (host) => {
      const client = clientWith({ allowLoopback: false });
      expect(await post(client, `http://${host}:${receiver.port}/`)).toMatchObject({ kind: 'failed', fault: 'refused' });
      expect(receiver.received).toEqual([]);
    },
  );

  test('makes no connection to a name that leads inside, trailing dot or not', async () => {
    const client = clientWith({ allowLoopback: false }, () => Promise.resolve(['127.0.0.1']));
    for (const name of ['inside.example', 'inside.example.'])
      expect(await post(client, `http://${name}:${receiver.port}/`)).toMatchObject({ kind: 'failed', fault: 'refused' });
    expect(receiver.received).toEqual([]);
  });

  test('asks for the addresses of a name once for each connection and goes to an address that was judged', async () => {
    const answers = [['127.0.0.1'], ['169.254.169.254']];
    let asked = 0;
    const client = clientWith({}, () => Promise.resolve(answers[Math.min(asked++, 1)]!));
    expect(await post(client, `http://rebinding.example:${receiver.port}/`)).toMatchObject({ kind: 'answered', status: 200 });
    expect(receiver.received[0]!.headers.host).toBe(`rebinding.example:${receiver.port}`);
    expect(asked).toBe(1);
    receiver.cutConnections();
    expect((await post(client, `http://rebinding.example:${receiver.port}/`)).kind).toBe('failed');
    expect(receiver.received).toHaveLength(1);
  });

  test('of several addresses only the allowed ones are tried', async () => {
    const client = clientWith({}, () => Promise.resolve(['10.0.0.1', '127.0.0.1']));
    expect(await post(client, `http://mixed.example:${receiver.port}/`)).toMatchObject({ kind: 'answered', status: 200 });
  });

  test.each(['ftp://127.0.0.1/', 'file:///etc/passwd', 'data:text/plain,x'])('%s is not even tried', async (url) => {
    expect(await post(clientWith(), url)).toMatchObject({ kind: 'failed', fault: 'refused' });
  });

  test('ends in time where the endpoint never answers', async () => {
    receiver.next({ kind: 'stall' });
    expect(await post(clientWith(), receiver.url(), 300)).toMatchObject({ kind: 'failed', fault: 'timeout' });
  });

  test('a body that never ends does not hold the answer back beyond its time, and the status counts', async () => {
    receiver.next({ kind: 'drip', status: 200 });
    expect(await post(clientWith(), receiver.url(), 300)).toMatchObject({ kind: 'answered', status: 200, complete: false });
  });

  test('a long body is cut off', async () => {
    receiver.next({ kind: 'status', status: 200, body: 'x'.repeat(1_000_000) });
    const answer = await post(clientWith(), receiver.url());
    expect(answer).toMatchObject({ kind: 'answered', status: 200, complete: false });
    expect(answer.kind === 'answered' && answer.body.length).toBe(64 * 1024);
  });

  test('a cut connection, a closed port and a header that HTTP cannot carry are failures, never exceptions', async () => {
    receiver.next({ kind: 'drop' });
    expect(await post(clientWith(), receiver.url())).toMatchObject({ kind: 'failed', fault: 'network' });
    expect(await post(clientWith(), 'http://127.0.0.1:1/')).toMatchObject({ kind: 'failed', fault: 'network' });
    const bad = await clientWith().send({
      method: 'POST',
      url: new URL(receiver.url()),
      headers: [['X', 'a\r\nb']],
      timeoutMs: 1000,
    });
    expect(bad).toMatchObject({ kind: 'failed' });
  });

  test('a status that is none is said in words, not as a failed assertion', async () => {
    const server = createServer((socket) => void socket.once('data', () => socket.end('HTTP/1.1 000 None\r\n\r\n')));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const answer = await post(clientWith(), `http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    server.close();
    expect(answer).toMatchObject({ kind: 'failed', fault: 'network', detail: 'the answer is no HTTP (ERR_ASSERTION)' });
  });

  test('a call that is no longer wanted ends at once', async () => {
    receiver.next({ kind: 'stall' });
    const controller = new AbortController();
    const call = clientWith().send({
      method: 'POST',
      url: new URL(receiver.url()),
      headers: [],
      timeoutMs: 60_000,
      signal: controller.signal,
    });
    await receiver.waitFor();
    controller.abort();
    expect(await call).toMatchObject({ kind: 'failed', fault: 'aborted' });
  });
});
