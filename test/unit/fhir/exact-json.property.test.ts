import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isExactNumber, parseExact, sameJson, stringifyExact } from '../../../src/fhir/exact-json.js';

const digits = fc.stringMatching(/^[0-9]{1,25}$/);
const hostileNumber = fc.oneof(
  fc.constantFrom(
    '1.00',
    '1e3',
    '0.10',
    '12345678901234567890',
    '-0',
    '1E+2',
    '0.1',
    '100',
    '1e-7',
    '9007199254740993',
    '-0.0',
    '1.0e0',
  ),
  fc
    .tuple(
      fc.constantFrom('', '-'),
      fc.oneof(fc.constant('0'), fc.stringMatching(/^[1-9][0-9]{0,24}$/)),
      fc.option(digits),
      fc.option(fc.integer({ min: -99, max: 99 })),
    )
    .map(
      ([sign, whole, fraction, exponent]) =>
        `${sign}${whole}${fraction === null ? '' : `.${fraction}`}${exponent === null ? '' : `e${exponent}`}`,
    ),
);
/** Names that are array indexes would change places; FHIR has none. */
const name = fc.string({ unit: 'grapheme' }).filter((text) => !/^[0-9]+$/.test(text) && text !== '__proto__');

/** JSON text, already minified, as one that writes numbers in his own way would write it. */
const { json: jsonText } = fc.letrec<{ json: string }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    hostileNumber,
    fc.string({ unit: 'grapheme' }).map((text) => JSON.stringify(text)),
    fc.constantFrom('null', 'true', 'false', '{}', '[]'),
    fc.array(tie('json')).map((items) => `[${items.join(',')}]`),
    fc
      .uniqueArray(fc.tuple(name, tie('json')), { selector: ([key]) => key })
      .map((members) => `{${members.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`),
  ),
}));

test('whatever was written comes back to the letter', () => {
  fc.assert(fc.property(jsonText, (text) => expect(stringifyExact(parseExact(text))).toBe(text)));
});

test('a number keeps its digits, and is plain where JavaScript prints the same ones', () => {
  fc.assert(
    fc.property(hostileNumber, (text) => {
      const { value } = parseExact(`{"value":${text}}`) as { value: unknown };
      expect(isExactNumber(value) ? value.rawJSON : String(value)).toBe(text);
      expect(isExactNumber(value)).toBe(String(Number(text)) !== text);
    }),
  );
});

test('values are the same as themselves in any member order, and differ when one digit does', () => {
  fc.assert(fc.property(jsonText, (text) => expect(sameJson(parseExact(text), parseExact(text))).toBe(true)));
  expect(sameJson(parseExact('{"a":1.0,"b":[{"c":"é"}]}'), parseExact('{"b":[{"c":"\\u00e9"}],"a":1.0}'))).toBe(true);
  for (const [left, right] of [
    ['1.0', '1.00'],
    ['1', '1.0'],
    ['0', '-0'],
    ['12345678901234567890', '12345678901234567891'],
    ['[1,2]', '[2,1]'],
    ['{"a":1}', '{"a":1,"b":null}'],
    ['{"a":{}}', '{"a":[]}'],
    ['{"toString":1}', '{"a":1}'],
    ['null', '{}'],
    ['"1"', '1'],
  ] as const) {
    expect(sameJson(parseExact(left), parseExact(right))).toBe(false);
    expect(sameJson(parseExact(right), parseExact(left))).toBe(false);
  }
});

test('an edit changes what it touches and no other digit', () => {
  const value = parseExact('{"a":1.00,"b":{"c":1e3},"d":12345678901234567890}') as Record<string, unknown>;
  value['b'] = 'gone';
  expect(stringifyExact(value)).toBe('{"a":1.00,"b":"gone","d":12345678901234567890}');
});
