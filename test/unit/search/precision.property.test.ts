import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { clauseHolds } from '../../../src/search/clause-holds.js';
import { dateRange } from '../../../src/search/date-range.js';
import { numberRange } from '../../../src/search/number-range.js';
import { PlainSearch } from '../../reference/plain-search.js';
import { spanOf } from '../../reference/read-values.js';
import { escaped } from '../../reference/write-queries.js';
import type { Resource } from '../../reference/find-nodes.js';
import { SEMANTICS } from '../../support/semantics.js';

const NOW = Date.parse('2026-11-01');
const PREFIXES = ['', 'eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'];

/** Whether the hub and the reference, which has nothing of it, say the same of a resource and a query. */
function agree(type: string, resource: object, name: string, value: string): void {
  const whole = { resourceType: type, id: 'a', ...resource } as Resource;
  const plain = new PlainSearch([], NOW, () => [whole]).find(type, [[name, value]]).length === 1;
  const [clause] = SEMANTICS.parse(type, [[name, value]], { handling: 'strict', now: NOW }).clauses;
  const holds = clauseHolds(clause as NonNullable<typeof clause>, SEMANTICS.extract(type, whole));
  expect({ resource, name, value, holds }).toEqual({ resource, name, value, holds: plain });
}

/** At most 15 digits, so that a double holds them. */
const decimal = fc
  .tuple(fc.integer({ min: -99_999, max: 99_999 }), fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 3 }))
  .map(([digits, places, zeros]) => {
    const size = String(Math.abs(digits)).padStart(places + 1, '0');
    const fraction = size.slice(size.length - places) + '0'.repeat(zeros);
    return `${digits < 0 ? '-' : ''}${size.slice(0, size.length - places)}${places + zeros === 0 ? '' : `.${fraction.slice(0, places + zeros)}`}`;
  });

describe('precision', () => {
  test('of numbers is that of the last place written, and a number is within its own', () => {
    fc.assert(
      fc.property(decimal, (text) => {
        const { value, range } = numberRange(text)!;
        expect(range.low).toBeLessThan(range.high);
        expect(range.low <= value && value < range.high).toBe(true);
        const one = numberRange(`${text}${text.includes('.') ? '0' : '.0'}`)!;
        // One more place makes it ten times narrower, around the same number.
        expect(one.value).toBe(value);
        expect(one.range.low).toBeGreaterThan(range.low);
        expect(one.range.high).toBeLessThan(range.high);
      }),
    );
  });

  test('of numbers means the same to every prefix as exact decimals say', () => {
    const near = fc.tuple(decimal, fc.constantFrom('', '5', '49', '50', '51', '4', '9'), fc.boolean());
    fc.assert(
      fc.property(near, fc.constantFrom(...PREFIXES), ([text, more, isSame], prefix) => {
        const stored = Number(isSame ? text : `${text}${text.includes('.') ? '' : '.'}${more}`);
        agree('Observation', { valueQuantity: { value: stored } }, 'value-quantity', prefix + text);
      }),
      { numRuns: 500 },
    );
  });

  const moment = fc.date({ min: new Date('1890-01-01'), max: new Date('2100-01-01'), noInvalidDate: true });
  const zone = fc.constantFrom('Z', '+02:00', '-05:00', '+13:45', '-11:30', '');
  const date = fc
    .tuple(moment, fc.constantFrom(4, 7, 10, 16, 19, 21, 22, 23), zone)
    .map(([at, length, offset]) => at.toISOString().slice(0, length) + (length > 10 ? offset : ''));

  test('of dates is what they leave open', () => {
    fc.assert(
      fc.property(date, (text) => {
        const span = spanOf(text);
        expect({ text, range: dateRange(text) }).toEqual({ text, range: span && { low: span.from, high: span.to } });
      }),
      { numRuns: 1_000 },
    );
  });

  test('of dates means the same to every prefix, whatever the precision of the other', () => {
    fc.assert(
      fc.property(moment, date, fc.integer({ min: -2, max: 2 }), fc.constantFrom(...PREFIXES), (at, text, days, prefix) => {
        const near = new Date((spanOf(text)?.from ?? at.getTime()) + days * 3_600_000).toISOString();
        for (const stored of [near, near.slice(0, 10), near.slice(0, 7), text])
          agree('Observation', { effectiveDateTime: stored }, 'date', prefix + text);
        agree('Observation', { effectivePeriod: { start: near.slice(0, 10) } }, 'date', prefix + text);
        agree('Observation', { effectivePeriod: { start: text, end: near } }, 'date', prefix + text);
      }),
      { numRuns: 120 },
    );
  });

  test('what is no date is one to neither', () => {
    const almost = fc
      .tuple(date, fc.nat(25), fc.constantFrom('', '0', '9', '-', ':', 'T', 'Z', '+', '.', ' '))
      .map(([text, at, put]) => {
        const place = at % (text.length + 1);
        return text.slice(0, place) + put + text.slice(place + 1);
      });
    fc.assert(
      fc.property(almost, (text) => {
        // A leap second, a plus that a form took away and offsets beyond what there is are matters of their own.
        fc.pre(
          !/:60/.test(text) &&
            !text.includes(' ') &&
            !/[+-](1[5-9]|[2-9]\d):\d\d$/.test(text) &&
            !/T\d\d:\d\d.*[+-]14:[1-9]/.test(text),
        );
        expect({ text, isDate: dateRange(text) !== undefined }).toEqual({ text, isDate: spanOf(text) !== undefined });
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('escapes', () => {
  const hard = fc.string({
    unit: fc.constantFrom('a', 'B', ',', '|', '$', '\\', ' ', 'é', '%', '"'),
    minLength: 1,
    maxLength: 8,
  });

  test('bring every text through, alone or among others', () => {
    fc.assert(
      fc.property(hard, hard, hard, (text, other, system) => {
        agree('Patient', { identifier: [{ system, value: text }] }, 'identifier', escaped(text));
        agree('Patient', { identifier: [{ system, value: text }] }, 'identifier', `${escaped(system)}|${escaped(text)}`);
        agree('Patient', { identifier: [{ system, value: text }] }, 'identifier', `${escaped(other)},${escaped(text)}`);
        agree('Patient', { name: [{ family: text }] }, 'family:exact', `${escaped(other)},${escaped(text)}`);
        agree('ValueSet', { url: text }, 'url', escaped(text));
        const found = SEMANTICS.parse('Patient', [['identifier', `${escaped(system)}|${escaped(text)}`]], { handling: 'strict' });
        expect(found.clauses[0]?.values).toEqual([{ type: 'token', system, code: text }]);
      }),
      { numRuns: 300 },
    );
  });

  test('mean the same where they are not written as they should be', () => {
    fc.assert(
      fc.property(hard, hard, (text, raw) => {
        let isRead = true;
        try {
          SEMANTICS.parse('Patient', [['identifier', raw]], { handling: 'strict' });
        } catch {
          isRead = false;
        }
        fc.pre(isRead);
        agree('Patient', { identifier: [{ system: text, value: raw }, { value: text }] }, 'identifier', raw);
      }),
      { numRuns: 300 },
    );
  });
});
