import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FhirError } from '../../../src/fhir/fhir-error.js';
import { parseJson } from '../../../src/fhir/json-text.js';

const jsonObject = fc.dictionary(
  fc.string({ unit: 'grapheme' }).filter((name) => name !== '__proto__'),
  fc.jsonValue({ stringUnit: 'grapheme', maxDepth: 5 }),
);

/** What the reader refuses beyond the grammar of JSON. */
function isRefusedOnPurpose(text: string): boolean {
  return /\\u00[01]|\\b|\\f|__proto__|\d{30}|[eE][+-]?\d{3}/.test(text);
}

test('reads what JSON.parse reads, and its text is the minified one', () => {
  fc.assert(
    fc.property(jsonObject, fc.constantFrom(0, 1, '\t', ' \n'), (value, indent) => {
      const minified = JSON.stringify(value);
      fc.pre(!isRefusedOnPurpose(minified));
      const parsed = parseJson(Buffer.from(JSON.stringify(value, null, indent)));
      expect(parsed.text).toBe(minified);
      expect(parsed.value).toEqual(JSON.parse(minified));
    }),
  );
});

test('damaged text is either refused with a FhirError or read as JSON.parse reads it', () => {
  const damage = fc.record({
    at: fc.nat(400),
    drop: fc.nat(2),
    put: fc.constantFrom('', '"', '\\', '{', '}', '[', ']', ',', ':', '0', '-', 'e', '.', ' ', 'u', '\0', 'é'),
  });
  fc.assert(
    fc.property(jsonObject, fc.array(damage, { minLength: 1, maxLength: 3 }), (value, damages) => {
      let text = JSON.stringify(value, null, 1);
      for (const { at, drop, put } of damages)
        text = text.slice(0, at % text.length) + put + text.slice((at % text.length) + drop);
      let parsed;
      try {
        parsed = parseJson(text);
      } catch (error) {
        expect(error).toBeInstanceOf(FhirError);
        return;
      }
      expect(parsed.value).toEqual(JSON.parse(text));
      expect(JSON.parse(parsed.text)).toEqual(parsed.value);
    }),
    { numRuns: 2_000 },
  );
});

test('no bytes at all bring out another error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        parseJson(Buffer.from(bytes));
      } catch (error) {
        expect(error).toBeInstanceOf(FhirError);
      }
    }),
    { numRuns: 2_000 },
  );
});
