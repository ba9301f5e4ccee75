import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { foldText } from '../../../src/search/fold-text.js';

test.each([
  ['Müller', 'muller'],
  ['  van   der\tBerg\n', 'van der berg'],
  ['ÅNGSTRÖM', 'angstrom'],
  ['Ａ１', 'a1'],
  ['İstanbul', 'istanbul'],
  ['peter', 'peter'],
  ['Nguyễn', 'nguyen'],
  ['Straße', 'strasse'],
  ['ΟΔΟΣ', 'οδοσ'],
  ['οδος', 'οδοσ'],
])('%s is compared as %s', (text, folded) => {
  expect(foldText(text)).toBe(folded);
});

test('what is folded stays as it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => expect(foldText(foldText(text))).toBe(foldText(text))),
    { numRuns: 2_000 },
  );
});
