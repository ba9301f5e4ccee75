import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { pairsOfForm, pairsOfUrl, queryText } from '../../../src/pull/query-pairs.js';

describe('pairs of a query', () => {
  test('come back from a link as they were', () => {
    const text = fc.string({ unit: 'binary' }).map((written) => written.toWellFormed().replaceAll('\0', ''));
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { maxLength: 10 }), (pairs) => {
        expect(pairsOfForm(queryText(pairs))).toEqual(pairs);
      }),
    );
  });

  test('plus means a space, a name without a value an empty one', () => {
    expect(pairsOfUrl('/Patient?name=a+b&&x&y=')).toEqual([
      ['name', 'a b'],
      ['x', ''],
      ['y', ''],
    ]);
    expect(pairsOfUrl('/Patient')).toEqual([]);
  });

  test.each([
    ['name=%zz', 'name'],
    ['name=%ED%A0%80', 'name'],
    ['name=a%00b', 'name'],
    ['na%00me=a', 'name'],
  ])('%s is a 400 that names the parameter', (query, expression) => {
    expect(() => pairsOfForm(query)).toThrow(
      expect.objectContaining({ status: 400, issues: [expect.objectContaining({ expression })] }),
    );
  });

  test('too many pairs and too long a URL are a 400', () => {
    expect(() => pairsOfForm('a=b&'.repeat(201))).toThrow(expect.objectContaining({ status: 400 }));
    expect(() => pairsOfUrl(`/Patient?_count=1&name=${'x'.repeat(9000)}&active=true`)).toThrow(
      expect.objectContaining({ status: 400, issues: [expect.objectContaining({ expression: 'name' })] }),
    );
  });

  test('separators of search values stay readable in links', () => {
    expect(queryText([['code', 'http://loinc.org|1-2,3']])).toBe('code=http://loinc.org%7C1-2,3');
  });
});
