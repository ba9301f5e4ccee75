import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { CursorStore } from '../../../../src/delivery/cursor-store.js';
import { SocketAcknowledgements } from '../../../../src/delivery/sockets/socket-acknowledgements.js';
import type { Log } from '../../../../src/telemetry/log.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

function given() {
  const written: [string, number][][] = [];
  const store = { fails: false, gate: Promise.resolve() };
  const cursors = {
    advance: async (numbers: ReadonlyMap<string, number>) => {
      await store.gate;
      if (store.fails) throw new Error('away');
      written.push([...numbers]);
    },
  } as unknown as CursorStore;
  const log = { warn: () => {} } as unknown as Log;
  return { written, store, acknowledgements: new SocketAcknowledgements(cursors, log) };
}

test('what comes together is written together, each subscription with its highest number', async () => {
  const { written, acknowledgements } = given();
  for (const number of [1, 3, 2]) acknowledgements.keep('a', number);
  acknowledgements.keep('b', 9);
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
  acknowledgements.keep('a', 4);
  await jest.advanceTimersByTimeAsync(300);
  expect(acknowledgements.of('a')).toBe(4);
  acknowledgements.keep('a', 5);
  gate.resolve();
  await jest.advanceTimersByTimeAsync(1000);
  expect(written).toEqual([[['a', 4]], [['a', 5]]]);
  expect(acknowledgements.of('a')).toBe(0);
});

test('what the database does not take is written later, and at the end once more', async () => {
  const { written, store, acknowledgements } = given();
  store.fails = true;
  acknowledgements.keep('a', 4);
  await jest.advanceTimersByTimeAsync(300);
  acknowledgements.keep('a', 6);
  expect(written).toEqual([]);
  store.fails = false;
  await jest.advanceTimersByTimeAsync(2000);
  expect(written).toEqual([[['a', 6]]]);
  acknowledgements.keep('b', 1);
  await acknowledgements.stop();
  expect(written.at(-1)).toEqual([['b', 1]]);
});
