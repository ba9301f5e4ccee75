import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { io, type Socket } from 'socket.io-client';
import { type Hub, startHub } from '../support/start-hub.js';
import { Client, LAB_TOPIC, labResult } from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';

let hub: Hub;
const sockets: Socket[] = [];

beforeAll(async () => {
  hub = await startHub({ env: { SOCKET_BUDGET_BYTES: '64 KiB' } });
});
afterAll(async () => {
  for (const socket of sockets) socket.disconnect();
  await hub?.stop();
});

interface Told {
  subscription: string;
  last: number;
}

async function listen(request: object): Promise<{ socket: Socket; told: Told[]; subscription: string }> {
  const socket = io(`${hub.url}/live`, { transports: ['websocket'], forceNew: true, reconnection: false });
  sockets.push(socket);
  const told: Told[] = [];
  socket.on('notification', (notification: Told) => told.push(notification));
  await waitFor(() => socket.connected);
  const { subscription } = (await socket.timeout(60_000).emitWithAck('subscribe', request)) as Told;
  return { socket, told, subscription };
}

test('a listener that does not read is cut off; it comes back and misses nothing, and others never notice', async () => {
  const client = new Client(hub);
  const request = { topic: LAB_TOPIC, content: 'full-resource' };
  const lively = await listen(request);
  const slow = await listen(request);
  const wire = (slow.socket.io.engine.transport as unknown as { ws: { _socket: { pause(): void; resume(): void } } }).ws._socket;
  wire.pause();
  const big = labResult(1, { note: [{ text: 'x'.repeat(1_000_000) }] });
  const count = 16;
  for (let n = 0; n < count; n += 1) await client.create(big, 'Observation');
  await waitFor(() => lively.told.length === count, { what: 'all events at the lively one' });
  // It is over its budget for longer than the hub's patience, so the hub closes it without its doing anything.
  const closed = new Promise((resolve) => slow.socket.once('disconnect', resolve));
  await waitFor(
    async () => {
      await client.send('GET', `Subscription/${slow.subscription}/$status`);
      return hub.output().includes('sockets.too-slow');
    },
    { milliseconds: 60_000, stepMilliseconds: 200, what: 'the hub to cut the slow one off' },
  );
  wire.resume();
  await closed;
  expect(slow.told.length).toBeLessThan(count);

  const last = slow.told.at(-1)?.last ?? 0;
  const back = await listen({ subscription: slow.subscription, after: last });
  await waitFor(() => back.told.length === count - last, { what: 'the rest' });
  expect([...slow.told, ...back.told].map((notification) => notification.last)).toEqual(
    Array.from({ length: count }, (_, index) => index + 1),
  );
});
