import { expect, test } from '@jest/globals';
import { Pauses } from '../../../src/matching/pauses.js';

const looks = (count: number, look: () => number) => Array.from({ length: count }, look);

test('each rest is twice as long as the one before, up to a second; less where partitions are wanted or others waited for', () => {
  const rests = (outcome: 'idle' | 'waiting', wanting: boolean) => {
    const pauses = new Pauses();
    return looks(10, () => pauses.afterLook(outcome, wanting));
  };
  expect(rests('idle', false)).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
  expect(rests('idle', true)).toEqual([5, 10, 20, 40, 80, 160, 250, 250, 250, 250]);
  expect(rests('waiting', true)).toEqual([5, 10, 20, 40, 40, 40, 40, 40, 40, 40]);
});

test('failures are rested after longer and longer, too; once something comes rests are short again', () => {
  const pauses = new Pauses();
  expect(looks(9, () => pauses.afterFailure())).toEqual([10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
  pauses.reset();
  expect(pauses.afterLook('idle', false)).toBe(5);
});
