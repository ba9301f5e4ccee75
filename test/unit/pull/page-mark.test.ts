import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { FhirError } from '../../../src/fhir/fhir-error.js';
import { decodePageMark, encodePageMark } from '../../../src/pull/page-mark.js';

const marks = fc.record({
  keys: fc.array(
    fc.oneof(
      fc.string({ unit: 'binary' }).map((text) => text.toWellFormed()),
      fc.constant(null),
    ),
    { maxLength: 4 },
  ),
  tie: fc.bigInt({ min: 0n, max: 10n ** 18n }).map(String),
});

describe('page marks', () => {
  test('come back as they were', () => {
    fc.assert(
      fc.property(marks, fc.string(), (mark, walk) => expect(decodePageMark(encodePageMark(mark, walk), walk)).toEqual(mark)),
    );
  });

  test('are refused once a character is changed, added or taken away', () => {
    const text = encodePageMark({ keys: ['2020-01-01', null], tie: '17' }, 'walk');
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom('', 'A', '_', '-', '=', 'é', '%'), (at, replacement) => {
        const altered = text.slice(0, at) + replacement + text.slice(at + 1);
        fc.pre(altered !== text);
        expect(() => decodePageMark(altered, 'walk')).toThrow(FhirError);
      }),
    );
    expect(() => decodePageMark(`${text}A`, 'walk')).toThrow(FhirError);
  });

  test('fit no other query', () => {
    const text = encodePageMark({ keys: [], tie: '1' }, 'Patient?name=a');
    expect(() => decodePageMark(text, 'Patient?name=b')).toThrow(/not one that this server made/);
  });

  test('of arbitrary text are refused as 400 naming the parameter', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        try {
          decodePageMark(text, 'walk');
          throw new Error('accepted');
        } catch (error) {
          expect(error).toMatchObject({ status: 400, issues: [{ expression: '_page' }] });
        }
      }),
    );
  });
});
