import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { numberRange } from '../../../src/search/number-range.js';

describe('the range a number in a query leaves open', () => {
  test.each([
    ['100', 99.5, 100.5],
    ['100.0', 99.95, 100.05],
    ['100.00', 99.995, 100.005],
    ['1e2', 95, 105],
    ['5.4', 5.35, 5.45],
    ['-5.4', -5.45, -5.35],
    ['0', -0.5, 0.5],
    ['1.0e-3', 0.00095, 0.00105],
    ['+7', 6.5, 7.5],
  ])('%s is [%d, %d)', (text, low, high) => {
    expect(numberRange(text)?.range).toEqual({ low, high });
  });

  test.each(['', 'x', '1,2', '.5', '5.', '0x10', '1e', '1e9999', 'NaN', 'Infinity', '--1', '1 2', '9'.repeat(61)])(
    '%s is no number',
    (text) => {
      expect(numberRange(text)).toBeUndefined();
    },
  );

  test('holds the number itself, however many digits it has', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e200, max: 1e200 }), (number) => {
        const parsed = numberRange(String(number));
        expect(parsed?.value === number).toBe(true);
        expect((parsed?.range.low ?? NaN) <= number && number < (parsed?.range.high ?? NaN)).toBe(true);
      }),
    );
  });
});
