import { expect, test } from '@jest/globals';
import { Turns } from '../../../../src/delivery/sockets/turns.js';

test('so many run at once, the others in the order in which they came; one that fails gives its place on', async () => {
  const turns = new Turns(2);
  const begun: number[] = [];
  const gates = Array.from({ length: 5 }, () => Promise.withResolvers<void>());
  let running = 0;
  let most = 0;
  const all = gates.map((gate, index) =>
    turns.take(async () => {
      begun.push(index);
      most = Math.max(most, ++running);
      try {
        await gate.promise;
      } finally {
        running -= 1;
      }
      return index;
    }),
  );
  const settled = Promise.allSettled(all);
  gates[1]!.reject(new Error('no'));
  for (const index of [0, 2, 3, 4]) gates[index]!.resolve();
  const outcomes = await settled;
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled']);
  expect(begun).toEqual([0, 1, 2, 3, 4]);
  expect(most).toBe(2);
});
