import { expect, test } from '@jest/globals';

import { CommonKeys } from '../../../src/storage/common-keys.js';

test('what was found to be common is known for a while', () => {
  let now = 0;
  const common = new CommonKeys(() => now);
  expect(common.has('a')).toBe(false);
  common.add('a');
  now = 299_999;
  expect([common.has('a'), common.has('b')]).toEqual([true, false]);
  now = 300_000;
  expect(common.has('a')).toBe(false);
});

test('of very many the oldest is forgotten', () => {
  const common = new CommonKeys(() => 0);
  for (let n = 0; n <= 1000; n++) common.add(String(n));
  expect([common.has('0'), common.has('1'), common.has('1000')]).toEqual([false, true, true]);
});
