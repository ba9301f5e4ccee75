import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FhirError } from '../../../../src/fhir/fhir-error.js';
import { canonicalQuery } from '../../../../src/search/canonical-query.js';
import { clauseHolds } from '../../../../src/search/clause-holds.js';
import { parseTextQuery } from '../../../../src/search/full-text/parse-text-query.js';
import { printTextQuery } from '../../../../src/search/full-text/text-query.js';
import { SearchDefinitions } from '../../../../src/search/search-definitions.js';
import { SearchSemantics } from '../../../../src/search/search-semantics.js';

const semantics = new SearchSemantics(SearchDefinitions.load(), ['http://127.0.0.1:8080/fhir/r4b']);
const printed = (text: string) => printTextQuery(parseTextQuery(text, '_text'));

describe('what is asked for', () => {
  test.each([
    ['Bone', 'bone'],
    ['  bone   MARROW ', 'bone marrow'],
    ['(bone OR liver) and metastases', '(bone OR liver) metastases'],
    ['bone,liver metastases', '(liver metastases) OR bone'],
    ['bone or liver,lung', 'bone OR liver OR lung'],
    ['"bone marrow"', '"bone marrow"'],
    ['"Bone,  (marrow)"', '"bone marrow"'],
    ['x-ray', '"x ray"'],
    ['8867-4', '"8867 4"'],
    ['-liver bone', '-liver bone'],
    ['not liver bone', '-liver bone'],
    ['bone -"liver cancer"', '-"liver cancer" bone'],
    ['bone NOT (liver OR lung)', '-(liver OR lung) bone'],
    ['NOT NOT bone', 'bone'],
    ['-(-bone)', 'bone'],
    ['meta*', 'meta*'],
    ['meta\\*', 'meta'],
    ['"or"', '"or"'],
    ['\\or bone', '"or" bone'],
    ['Röntgen', 'rontgen'],
    ['bone & marrow', 'bone marrow'],
    ['bone - marrow', 'bone marrow'],
    ['血压', '"血 压"'],
    ['bone\u0000marrow', '"bone marrow"'],
    ["bone'; DROP TABLE resource; --", 'bone drop resource table'],
    ['<b>bone</b>', '"b bone b"'],
  ])('%s', (text, expected) => {
    expect(printed(text)).toBe(expected);
  });

  test.each([
    ['', 'no word'],
    ['   ', 'no word'],
    ['!!! ***', 'no word'],
    ['""', 'no word'],
    ['AND', 'no word where'],
    ['bone OR', 'at its end'],
    ['OR bone', "before 'or'"],
    ['bone AND OR liver', "before 'or'"],
    ['NOT', 'at its end'],
    [',bone', "before 'or'"],
    ['(bone', 'not closed'],
    ['bone)', 'closes nothing'],
    ['()', "before ')'"],
    ['"bone', 'quote'],
    ['x-ra*', 'single word'],
    ['b*', 'letters'],
    ['bone '.repeat(101), 'words'],
    [`${'('.repeat(30)}bone${')'.repeat(30)}`, 'parentheses'],
  ])('%s is refused', (text, why) => {
    expect(() => parseTextQuery(text, '_content')).toThrow(FhirError);
    expect(() => parseTextQuery(text, '_content')).toThrow(why);
  });

  test('whatever is given is read or refused with 400 that names the parameter, and what is read prints to what reads the same', () => {
    const piece = fc.constantFrom(
      'bone',
      'x-ray',
      ' ',
      '"',
      '(',
      ')',
      ',',
      '\\',
      '*',
      '-',
      ' OR ',
      ' and ',
      ' not ',
      'é',
      '\u0000',
      '血',
      '\ud800',
      '𝔸',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
    );
    fc.assert(
      fc.property(text, (written) => {
        let once: string;
        try {
          once = printed(written);
        } catch (error) {
          expect(error).toBeInstanceOf(FhirError);
          expect(error).toMatchObject({ status: 400, issues: [{ expression: '_text' }] });
          return;
        }
        expect(printed(once)).toBe(once);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('as a parameter', () => {
  test('values that are too long and modifiers are refused, named, with any handling', () => {
    for (const handling of ['strict', 'lenient'] as const) {
      for (const [query, name] of [
        [`_text=${'a'.repeat(5000)}`, '_text'],
        ['_text:contains=a', '_text:contains'],
        ['_content:missing=true', '_content:missing'],
        ['_content=', '_content'],
        ['_content=%00', '_content'],
      ]) {
        expect(() => semantics.parse('Patient', query!, { handling })).toThrow(
          expect.objectContaining({ status: 400, issues: [expect.objectContaining({ expression: name })] }),
        );
      }
    }
  });

  test('equal searches are one filter group, whose text reads back', () => {
    const spellings = ['"bone marrow" OR (Lung -xy*),liver', 'liver, NOT xy* lung or "Bone-Marrow"'];
    const texts = spellings.map((text) => canonicalQuery(semantics.parseCriteria(`Condition?_text=${encodeURIComponent(text)}`)));
    expect(texts[0]).toBe('Condition?_text="bone%20marrow"%20OR%20(-xy*%20lung)%20OR%20liver');
    expect(texts[1]).toBe(texts[0]);
    expect(canonicalQuery(semantics.parseCriteria(texts[0]!))).toBe(texts[0]);
  });

  test('standing criteria hold by the same meaning; behind _has they are refused', () => {
    const [clause] = semantics.parseCriteria('Condition?_content=spine -"lumbar spine"').clauses;
    const holds = (text: string) =>
      clauseHolds(clause!, semantics.extract('Condition', { resourceType: 'Condition', note: [{ text }] }));
    expect([holds('thoracic Spine'), holds('lumbar spine'), holds('spine, lumbar'), holds('neck')]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect(() => semantics.parseCriteria('Patient?_has:Condition:patient:_content=spine')).toThrow('_has');
    expect(() => semantics.parseCriteria('Condition?subject:Patient._text=spine')).not.toThrow();
  });
});
