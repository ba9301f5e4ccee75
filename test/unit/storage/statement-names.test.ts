import { expect, test } from '@jest/globals';

import { StatementNames } from '../../../src/storage/statement-names.js';

test('a text has one name for ever, and no other text has it', () => {
  const names = new StatementNames('n');
  expect([names.nameOf('SELECT 1'), names.nameOf('SELECT 2'), names.nameOf('SELECT 1')]).toEqual(['n-1', 'n-2', 'n-1']);
});

test('there are only so many names, and those that are there stay', () => {
  const names = new StatementNames('n', 2);
  expect(['a', 'b', 'c', 'a'].map((text) => names.nameOf(text))).toEqual(['n-1', 'n-2', undefined, 'n-1']);
});
