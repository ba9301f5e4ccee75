import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FhirError } from '../../../src/fhir/fhir-error.js';
import { parseBundle, parseJson } from '../../../src/fhir/json-text.js';

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

test('a Bundle gives the exact text of each resource in it, however it is spaced and wherever the name stands', () => {
  const resource = fc.oneof(
    fc.dictionary(
      fc.constantFrom('resource', 'entry', 'status', 'text', 'häß'),
      fc.jsonValue({ stringUnit: 'grapheme', maxDepth: 3 }),
    ),
    fc.constantFrom('text', null, 7, [{ resource: 1 }]),
  );
  const entry = fc.record(
    { fullUrl: fc.string({ unit: 'grapheme' }), resource, search: fc.constant({ resource: { no: 1 } }) },
    { requiredKeys: [] },
  );
  const around = fc.record(
    {
      entry: fc.array(entry),
      type: fc.constant('batch'),
      link: fc.constant([{ resource: {} }]),
      note: fc.string({ unit: 'grapheme' }),
    },
    { requiredKeys: ['entry'] },
  );
  fc.assert(
    fc.property(
      around,
      fc.constantFrom(0, 1, '\t', ' \n'),
      fc.constantFrom('', ' ', '\ufeff', '\ufeff \n'),
      (bundle, indent, lead) => {
        fc.pre(!isRefusedOnPurpose(JSON.stringify(bundle)));
        const parsed = parseBundle(Buffer.from(lead + JSON.stringify(bundle, null, indent)));
        expect(parsed.text).toBe(JSON.stringify(bundle));
        expect(parsed.resourceTexts).toEqual(
          bundle.entry.map((one) => (Object.hasOwn(one, 'resource') ? JSON.stringify(one.resource) : undefined)),
        );
      },
    ),
  );
});

test('names of a Bundle may be written with escapes', () => {
  const { resourceTexts } = parseBundle(
    '{"\\u0065ntry":[{"res\\u006furce":{"a":1.00},"x":"\\\\"},{"fullUrl":"a"},{"resource":{}}]}',
  );
  expect(resourceTexts).toEqual(['{"a":1.00}', undefined, '{}']);
});
