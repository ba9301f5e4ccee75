import { afterEach, expect, test } from '@jest/globals';
import { WorkLoop } from '../../../src/wake-ups/work-loop.js';
import { waitFor } from '../../support/wait-for.js';

/** Longer than any test. */
const NEVER = 2 ** 31 - 1;

const errors: unknown[] = [];
let loop: WorkLoop | undefined;

afterEach(async () => {
  await loop?.stop();
  errors.length = 0;
});

function started(work: (stop: AbortSignal) => Promise<boolean>, idleMilliseconds = NEVER): WorkLoop {
  loop = new WorkLoop(work, (error) => errors.push(error), idleMilliseconds);
  loop.start();
  loop.start();
  return loop;
}

test('goes on as long as there was something, a piece at a time', async () => {
  const under = { way: 0, most: 0, pieces: 0 };
  started(async () => {
    under.most = Math.max(under.most, ++under.way);
    await Promise.resolve();
    under.way--;
    return ++under.pieces < 5;
  });
  await waitFor(() => under.pieces === 5);
  expect(under.most).toBe(1);
});

test('looks again after a while', async () => {
  let looks = 0;
  started(() => Promise.resolve(++looks < 0), 1);
  await waitFor(() => looks >= 3);
});

test('is woken while it waits', async () => {
  let looks = 0;
  const woken = started(() => Promise.resolve(++looks < 0));
  await waitFor(() => looks === 1);
  // The first look has ended once its promise is through.
  await new Promise(setImmediate);
  woken.wake();
  await waitFor(() => looks === 2);
});

test('looks again at once for what it was woken for while it was at work', async () => {
  let looks = 0;
  let end = () => {};
  const woken = started(() => {
    looks++;
    return new Promise((resolve) => (end = () => resolve(false)));
  });
  await waitFor(() => looks === 1);
  woken.wake();
  woken.wake();
  end();
  await waitFor(() => looks === 2);
  end();
});

test('what fails is told, and looked at again after a while', async () => {
  let looks = 0;
  started(() => (++looks % 2 === 1 ? Promise.reject(new Error(`look ${looks}`)) : Promise.resolve(false)), 1);
  await waitFor(() => errors.length >= 2);
  expect(errors.slice(0, 2)).toEqual([new Error('look 1'), new Error('look 3')]);
});

test('stops behind what is under way, twice if need be, and starts anew', async () => {
  let ended = 0;
  let pieces = 0;
  const stopped = started(
    (stop) =>
      new Promise((resolve) => {
        pieces++;
        stop.addEventListener('abort', () => setImmediate(() => resolve(++ended > 0)));
      }),
  );
  await waitFor(() => pieces === 1);
  await Promise.all([stopped.stop(), stopped.stop()]);
  expect({ pieces, ended }).toEqual({ pieces: 1, ended: 1 });
  stopped.wake();
  stopped.start();
  await waitFor(() => pieces === 2);
});

test('where it is stopped before its first look, none is taken', async () => {
  let looks = 0;
  await started(() => Promise.resolve(++looks < 0)).stop();
  loop!.wake();
  await new Promise((resolve) => setTimeout(resolve));
  await new Promise(setImmediate);
  expect(looks).toBe(0);
});
