import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { clauseHolds } from '../../../src/search/clause-holds.js';
import type { Clause, ClauseValue, Comparator } from '../../../src/search/query.js';
import type { DateValue, ExtractedValues, NumberValue, ParameterValues, SearchParameter } from '../../../src/search/values.js';
import { numberRange } from '../../../src/search/number-range.js';

const parameter = {
  code: 'p',
  base: 'Observation',
  url: '',
  type: 'date',
  expression: '',
  targets: [],
  components: [],
} as SearchParameter;

function holds(value: ClauseValue, found: ParameterValues): boolean {
  const clause: Clause = { parameter, values: [value] };
  const values = { resourceType: 'Observation', get: () => found, entries: () => [] } as unknown as ExtractedValues;
  return clauseHolds(clause, values);
}

const dates = fc
  .tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: 1, max: 20 }))
  .map(([low, width]) => ({ low, high: low + width }));
const moments = fc.integer({ min: -50, max: 50 }).map((low) => ({ low, high: low + 1 }));

const dateHolds = (comparator: Comparator, range: DateValue, found: DateValue) =>
  holds({ type: 'date', comparator, range, text: '' }, { type: 'date', values: [found] });

describe('the prefixes of a date', () => {
  test('eq and ne, gt and le, lt and ge leave no moment out and take none twice', () => {
    fc.assert(
      fc.property(dates, moments, (asked, moment) => {
        expect(dateHolds('ne', asked, moment)).toBe(!dateHolds('eq', asked, moment));
        expect(dateHolds('le', asked, moment)).toBe(!dateHolds('gt', asked, moment));
        expect(dateHolds('ge', asked, moment)).toBe(!dateHolds('lt', asked, moment));
      }),
    );
  });

  test('hold for ranges what they say', () => {
    fc.assert(
      fc.property(dates, dates, (asked, found) => {
        const is = (comparator: Comparator) => dateHolds(comparator, asked, found);
        if (is('eq')) expect([is('ge'), is('le'), is('ap'), is('ne')]).toEqual([true, true, true, false]);
        if (is('sa')) expect([is('gt'), is('ap'), is('eb'), is('lt')]).toEqual([true, false, false, false]);
        if (is('eb')) expect([is('lt'), is('ap'), is('gt')]).toEqual([true, false, false]);
        expect(is('ap')).toBe(!is('sa') && !is('eb'));
        if (is('gt')) expect(is('ge')).toBe(true);
        if (is('lt')) expect(is('le')).toBe(true);
      }),
    );
  });

  test('take an open end for endless', () => {
    const june = { low: 150, high: 180 };
    const running = { low: 100, high: Infinity };
    expect(['gt', 'ge', 'lt', 'ap', 'ne'].map((comparator) => dateHolds(comparator as Comparator, june, running))).toEqual([
      true,
      true,
      true,
      true,
      true,
    ]);
    expect(['eq', 'sa', 'eb'].map((comparator) => dateHolds(comparator as Comparator, june, running))).toEqual([
      false,
      false,
      false,
    ]);
  });
});

describe('the prefixes of a number', () => {
  const numberHolds = (comparator: Comparator, text: string, found: NumberValue) => {
    const parsed = numberRange(text);
    if (!parsed) throw new Error(text);
    return holds({ type: 'number', comparator, text, ...parsed }, { type: 'number', values: [found] });
  };

  test('complement one another on single numbers', () => {
    fc.assert(
      fc.property(fc.integer({ min: -500, max: 500 }), fc.integer({ min: -500, max: 500 }), (asked, tenths) => {
        const found = { low: tenths / 10, high: tenths / 10 };
        const is = (comparator: Comparator) => numberHolds(comparator, String(asked), found);
        expect(is('ne')).toBe(!is('eq'));
        expect(is('le')).toBe(!is('gt'));
        expect(is('ge')).toBe(!is('lt'));
        expect(is('sa')).toBe(is('gt'));
        expect(is('eb')).toBe(is('lt'));
      }),
    );
  });

  test.each([
    ['eq', '100', 99.5, true],
    ['eq', '100', 100.5, false],
    ['eq', '5.4', 5.35, true],
    ['eq', '5.40', 5.35, false],
    ['gt', '100', 100.2, true],
    ['ge', '100', 99.9, false],
  ] as const)('%s%s of %d is %s', (comparator, text, number, expected) => {
    expect(numberHolds(comparator, text, { low: number, high: number })).toBe(expected);
  });
});
