import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { Arrived, CursorStore } from '../../../../src/delivery/cursor-store.js';
import { SocketAcknowledgements } from '../../../../src/delivery/sockets/socket-acknowledgements.js';
import type { Log } from '../../../../src/telemetry/log.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

function given() {
  const written: [string, number][][] = [];
  const store = { fails: false, gate: Promise.resolve() };
  const cursors = {
    advance: async (numbers: ReadonlyMap<string, Arrived>) => {
      await store.gate;
      if (store.fails) throw new Error('away');
      written.push([...numbers].map(([id, { number }]) => [id, number]));
    },
  } as unknown as CursorStore;
  const log = { warn: () => {} } as unknown as Log;
  return { written, store, acknowledgements: new SocketAcknowledgements(cursors, log) };
}

test('what comes together is written together, each subscription with its highest number', async () => {
  const { written, acknowledgements } = given();
  for (const number of [1, 3, 2]) acknowledgements.keep('a', { life: 1, number });
  acknowledgements.keep('b', { life: 1, number: 9 });
  await jest.advanceTimersByTimeAsync(1000);
  expect(written).toEqual([
    [
      ['a', 3],
      ['b', 9],
    ],
  ]);
});

test('while a number is being written it is known here, and one that comes meanwhile follows', async () => {
  const { written, store, acknowledgements } = given();
  const gate = Promise.withResolvers<void>();
  store.gate = gate.promise;
  acknowledgements.keep('a', { life: 1, number: 4 });
  await jest.advanceTimersByTimeAsync(300);
  expect(acknowledgements.of('a', 1)).toBe(4);
  acknowledgements.keep('a', { life: 1, number: 5 });
  gate.resolve();
  await jest.advanceTimersByTimeAsync(1000);
  expect(written).toEqual([[['a', 4]], [['a', 5]]]);
  expect(acknowledgements.of('a', 1)).toBe(0);
});

test('what the database does not take is written later, and at the end once more', async () => {
  const { written, store, acknowledgements } = given();
  store.fails = true;
  acknowledgements.keep('a', { life: 1, number: 4 });
  await jest.advanceTimersByTimeAsync(300);
  acknowledgements.keep('a', { life: 1, number: 6 });
  expect(written).toEqual([]);
  store.fails = false;
  await jest.advanceTimersByTimeAsync(2000);
  expect(written).toEqual([[['a', 6]]]);
  acknowledgements.keep('b', { life: 1, number: 1 });
  await acknowledgements.stop();
  expect(written.at(-1)).toEqual([['b', 1]]);
});

test('what arrived in a life that is over counts no more, whichever is told first', async () => {
  const { written, acknowledgements } = given();
  acknowledgements.keep('a', { life: 1, number: 8 });
  acknowledgements.keep('a', { life: 2, number: 3 });
  acknowledgements.keep('a', { life: 1, number: 9 });
  expect([acknowledgements.of('a', 1), acknowledgements.of('a', 2)]).toEqual([0, 3]);
  await jest.advanceTimersByTimeAsync(1000);
  expect(written).toEqual([[['a', 3]]]);
});
