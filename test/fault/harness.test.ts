import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { EndpointReceiver } from '../support/endpoint-receiver.js';
import { waitFor } from '../support/wait-for.js';
import { FaultProxy } from './harness/fault-proxy.js';

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

async function given(): Promise<{ receiver: EndpointReceiver; proxy: FaultProxy }> {
  const receiver = await EndpointReceiver.start({ kind: 'status', status: 200, body: 'x'.repeat(100) });
  const proxy = await FaultProxy.start({ host: '127.0.0.1', port: receiver.port });
  open.push(receiver, proxy);
  return { receiver, proxy };
}

/** A client of the proxy that keeps what it gets, and how its connection ended. */
async function dial({ port }: FaultProxy): Promise<{ socket: Socket; text: () => string; end: () => string | undefined }> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  let text = '';
  let end: string | undefined;
  socket.on('data', (piece: Buffer) => (text += piece.toString()));
  socket.on('end', () => (end ??= 'FIN'));
  socket.on('error', (error: NodeJS.ErrnoException) => (end = error.code));
  await once(socket, 'connect');
  open.push({ close: () => Promise.resolve(socket.destroy()) });
  return { socket, text: () => text, end: () => end };
}

const REQUEST = 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n';
const PAUSE = { what: 'the other side' };

test('a proxy passes everything on, both ways, and tells what it sees first', async () => {
  const { proxy, receiver } = await given();
  const seen: string[] = [];
  proxy.watch((piece, direction) => void seen.push(`${direction} ${piece.toString().split(' ')[0]} ${receiver.received.length}`));
  const { socket, text } = await dial(proxy);
  socket.write(REQUEST);
  await waitFor(() => text().includes('x'.repeat(100)), PAUSE);
  expect(seen.slice(0, 2)).toEqual(['up GET 0', 'down HTTP/1.1 1']);
});

test('a proxy that refuses cuts what is open and lets nobody in until it is told otherwise', async () => {
  const { proxy } = await given();
  const { end } = await dial(proxy);
  await proxy.set({ kind: 'refuse' });
  await waitFor(end, PAUSE);
  await expect(dial(proxy)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await proxy.set({ kind: 'pass' });
  const { socket, text } = await dial(proxy);
  socket.write(REQUEST);
  await waitFor(() => text() !== '', PAUSE);
});

test('a black hole takes everything and lets nothing through until it opens', async () => {
  const { proxy, receiver } = await given();
  await proxy.set({ kind: 'black-hole' });
  const held = await dial(proxy);
  held.socket.write(REQUEST);
  const other = await dial(proxy);
  for (const link of proxy.links) if (link.ordinal === 2) link.set({ kind: 'pass' });
  other.socket.write(REQUEST);
  await waitFor(() => other.text() !== '', PAUSE);
  expect([receiver.received.length, held.text(), held.end()]).toEqual([1, '', undefined]);
  await proxy.set({ kind: 'pass' });
  await waitFor(() => held.text() !== '', PAUSE);
});

test('a reset is a reset', async () => {
  const { proxy } = await given();
  const { end } = await dial(proxy);
  await proxy.set({ kind: 'reset' });
  expect(await waitFor(end, PAUSE)).toBe('ECONNRESET');
});

test('half-closed: the client reads the end, and what it sends arrives all the same', async () => {
  const { proxy, receiver } = await given();
  const { socket, end, text } = await dial(proxy);
  await waitFor(() => proxy.links.size === 1, PAUSE);
  await proxy.set({ kind: 'half-close' });
  expect(await waitFor(end, PAUSE)).toBe('FIN');
  socket.write(REQUEST);
  await receiver.waitFor();
  expect(text()).toBe('');
});

test('cut after so many bytes: that many arrive, then a reset', async () => {
  const { proxy } = await given();
  await proxy.set({ kind: 'cut', after: 7, direction: 'down' });
  const { socket, text, end } = await dial(proxy);
  socket.write(REQUEST);
  await waitFor(end, PAUSE);
  expect('HTTP/1.'.startsWith(text())).toBe(true);
});

test('a trickle and latency pass on the whole, late', async () => {
  const { proxy } = await given();
  for (const fault of [{ kind: 'trickle', bytesPerSecond: 2000 } as const, { kind: 'latency', milliseconds: 20 } as const]) {
    await proxy.set(fault);
    const { socket, text } = await dial(proxy);
    const begun = performance.now();
    socket.write(REQUEST);
    await waitFor(() => text().includes('x'.repeat(100)), PAUSE);
    expect(performance.now() - begun).toBeGreaterThan(30);
  }
});
