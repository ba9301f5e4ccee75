import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { expect, test } from '@jest/globals';
import type { WebSocket } from 'ws';
import { FhirWebsocket } from '../../../src/delivery/channels/fhir-websocket.js';
import type { Binding } from '../../../src/delivery/sockets/feed.js';
import type { Frame } from '../../../src/delivery/sockets/feed-sink.js';
import type { SocketFailures } from '../../../src/delivery/sockets/socket-failures.js';
import type { BindOptions, SocketFeeds } from '../../../src/delivery/sockets/socket-feeds.js';
import type { WebsocketTokens } from '../../../src/subscriptions/websocket-tokens.js';

/** What the socket did, in order, and a client's end that says what it is told to say. */
function given() {
  const done: string[] = [];
  const socket = Object.assign(new EventEmitter(), {
    bufferedAmount: 0,
    send: (data: string | Buffer) => done.push(`send ${String(data)}`),
    ping: (text: string) => done.push(`ping ${text}`),
    close: (code: number, reason: string) => done.push(`close ${code} ${reason}`),
    terminate: () => done.push('terminate'),
  });
  const wire = { cork: () => done.push('cork'), uncork: () => done.push('uncork') };
  const arrived: [string, number][] = [];
  const bound: BindOptions['after'][] = [];
  const unbound: string[] = [];
  const feeds = {
    inTurn: <T>(question: () => Promise<T>) => question(),
    find: async () => ({ subject: { kind: 'topic' }, channel: { type: 'websocket' } }),
    bind: async (id: string, _sink: unknown, { after, onBound }: BindOptions) => {
      bound.push(after);
      onBound?.(5);
      return { feed: { id }, position: 5 } as unknown as Binding;
    },
    unbind: ({ feed }: Binding) => unbound.push(feed.id),
    arrived: (id: string, number: number) => arrived.push([id, number]),
  } as unknown as SocketFeeds;
  const tokens = { redeem: async () => ['a'] } as unknown as WebsocketTokens;
  const failures = {} as SocketFailures;
  const connection = new FhirWebsocket(socket as unknown as WebSocket, wire as unknown as Duplex, feeds, tokens, failures);
  const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  return { done, socket, arrived, bound, unbound, connection, turn };
}

const frame = (number: number, more: Partial<Frame> = {}): Frame => ({
  subscriptionId: 'a',
  classic: false,
  type: 'event-notification',
  first: number,
  last: number,
  total: number,
  text: `event ${number}`,
  ...more,
});

test('what is sent in one turn leaves in one piece with the ping behind it; the pong acknowledges it', async () => {
  const { done, socket, arrived, connection, turn } = given();
  connection.send(frame(1));
  connection.send(frame(2));
  await turn();
  expect(done).toEqual(['cork', 'send event 1', 'send event 2', 'ping 1', 'uncork']);
  expect(arrived).toEqual([]);
  socket.emit('pong', Buffer.from('1'));
  expect(arrived).toEqual([['a', 2]]);
});

test('heartbeats and what classic clients hear are not asked after', async () => {
  const { done, connection, turn } = given();
  connection.send(frame(0, { type: 'heartbeat' }));
  connection.send(frame(1, { classic: true, text: '' }));
  connection.send(frame(0, { classic: true, type: 'heartbeat', text: '' }));
  await turn();
  expect(done.filter((one) => !one.includes('cork'))).toEqual(['send event 0', 'send ping a']);
});

test('a socket that says nothing from one sign of life to the next is cut; one that says anything is not', () => {
  const { done, socket, connection } = given();
  connection.ping();
  socket.emit('pong', Buffer.from('1'));
  connection.ping();
  socket.emit('message', Buffer.from('hello'), false);
  connection.ping();
  expect(done).not.toContain('terminate');
  connection.ping();
  expect(done.at(-1)).toBe('terminate');
  expect(connection.endOf(1006)).toBe('silent');
});

test('one that is too slow is told so with a code of its own, is unbound, and hears no more', async () => {
  const { done, socket, connection, unbound, turn } = given();
  socket.emit('message', Buffer.from('bind-with-token x'), false);
  await turn();
  connection.tooSlow();
  connection.send(frame(3));
  expect(unbound).toEqual(['a']);
  expect(done.at(-1)).toBe('close 4408 Too slow: come back and go on from the last event');
  expect(connection.endOf(4408)).toBe('slow');
});

test('what a client says that it has is acknowledged, but not beyond what there is', async () => {
  const { socket, arrived, bound, turn } = given();
  const say = (after: number) => {
    socket.emit('message', Buffer.from(JSON.stringify({ type: 'bind-with-token', payload: { token: 'x', after } })), false);
    return turn();
  };
  await say(3);
  await say(99);
  expect(bound).toEqual([3, 99]);
  expect(arrived).toEqual([
    ['a', 3],
    ['a', 5],
  ]);
});
