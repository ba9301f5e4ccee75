import { describe, expect, test } from '@jest/globals';

import { parseJson } from '../../../src/fhir/json-text.js';
import { validateResource } from '../../../src/fhir/validate-resource.js';
import { subsetResource, unknownElements } from '../../../src/pull/subset-resource.js';
import type { Subset } from '../../../src/search/query.js';
import { SearchDefinitions } from '../../../src/search/search-definitions.js';
import { officialExamples } from '../search/official-examples.js';

const TAG = '{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}';
const STORED =
  '{"resourceType":"Observation","id":"o","meta":{"versionId":"1"},"text":{"status":"generated","div":"<div xmlns=\\"http://www.w3.org/1999/xhtml\\">x</div>"},' +
  '"extension":[{"url":"http://x","valueDecimal":1.00}],"modifierExtension":[{"url":"http://m","valueBoolean":true}],"status":"final",' +
  '"_status":{"id":"s"},"category":[{"text":"c"}],"code":{"coding":[{"system":"s","code":"1","extension":[{"url":"u","valueCode":"v"}]}],"text":"t"},' +
  '"valueQuantity":{"value":12345678901234567890.00,"unit":"x"},"note":[{"text":"n"}],' +
  '"component":[{"code":{"text":"part"},"valueDecimal":1,"interpretation":[{"text":"high"}]}]}';

/** Each seventh: all of them take half a minute and were walked when this was written. */
const examples = officialExamples(SearchDefinitions.load()).filter((_, n) => n % 7 === 0);
const elements = (...names: string[]): Subset => ({ kind: 'elements', names });

describe('what is left of a resource', () => {
  test('_elements: those named, what is mandatory, what changes the meaning; digits as they were', () => {
    expect(subsetResource(STORED, elements('value'))).toBe(
      `{"resourceType":"Observation","id":"o","meta":{"versionId":"1","tag":[${TAG}]},"modifierExtension":[{"url":"http://m","valueBoolean":true}],` +
        '"status":"final","_status":{"id":"s"},"code":{"coding":[{"system":"s","code":"1","extension":[{"url":"u","valueCode":"v"}]}],"text":"t"},' +
        '"valueQuantity":{"value":12345678901234567890.00,"unit":"x"}}',
    );
    expect(subsetResource(STORED, elements('valueQuantity'))).toBe(subsetResource(STORED, elements('value')));
  });

  test('_summary=true: what the definitions mark, down into the parts', () => {
    expect(subsetResource(STORED, { kind: 'summary' })).toBe(
      `{"resourceType":"Observation","id":"o","meta":{"versionId":"1","tag":[${TAG}]},"modifierExtension":[{"url":"http://m","valueBoolean":true}],` +
        '"status":"final","_status":{"id":"s"},"code":{"coding":[{"system":"s","code":"1"}],"text":"t"},' +
        '"valueQuantity":{"value":12345678901234567890.00,"unit":"x"},"component":[{"code":{"text":"part"}}]}',
    );
  });

  test('_summary=text: the narrative beside what is mandatory', () => {
    const { text, ...rest } = JSON.parse(subsetResource(STORED, { kind: 'text' })) as Record<string, unknown>;
    expect(text).toMatchObject({ status: 'generated' });
    expect(Object.keys(rest)).toEqual(['resourceType', 'id', 'meta', 'status', '_status', 'code']);
  });

  test('_summary=data: all but the narrative', () => {
    const { text: _, ...whole } = JSON.parse(STORED) as Record<string, unknown>;
    expect(JSON.parse(subsetResource(STORED, { kind: 'data' }))).toEqual({
      ...whole,
      meta: { versionId: '1', tag: [JSON.parse(TAG)] },
    });
  });

  test('a mandatory element that only tells why it is absent stays in a summary', () => {
    const absent = '{"resourceType":"Observation","status":"final","code":{"extension":[{"url":"u","valueCode":"unknown"}]}}';
    expect(subsetResource(absent, { kind: 'summary' })).toContain('"code":{"extension":[{"url":"u","valueCode":"unknown"}]}');
  });

  test.each([
    ['{}', `{"tag":[${TAG}]}`],
    ['{"tag":[]}', `{"tag":[${TAG}]}`],
    ['{"tag":[{"code":"a"}],"source":"x"}', `{"tag":[{"code":"a"},${TAG}],"source":"x"}`],
    [`{"tag":[${TAG}]}`, `{"tag":[${TAG}]}`],
  ])('meta %s is tagged once', (meta, tagged) => {
    const text = `{"resourceType":"Patient","id":"p","meta":${meta},"active":true}`;
    expect(subsetResource(text, { kind: 'data' })).toBe(`{"resourceType":"Patient","id":"p","meta":${tagged},"active":true}`);
  });

  test('names of elements are known by their own name and by that of the choice', () => {
    expect(unknownElements('Observation', ['value', 'valueQuantity', 'code', 'name', 'value[x]'])).toEqual(['name']);
  });

  const subsets: [string, Subset][] = [
    ['summary', { kind: 'summary' }],
    ['text', { kind: 'text' }],
    ['data', { kind: 'data' }],
    ['elements', elements('identifier', 'code')],
  ];
  test.each(subsets)('%s of valid official examples is valid, and nothing but cut', (_, subset) => {
    let seen = 0;
    for (const { file: name, resource } of examples) {
      const { text: stored, value } = parseJson(Buffer.from(JSON.stringify(resource)));
      if (stored.length > 100_000 || validateResource(value).length > 0) continue;
      seen++;
      const cut = JSON.parse(subsetResource(stored, subset)) as Record<string, unknown>;
      expect({ name, issues: validateResource(cut) }).toEqual({ name, issues: [] });
      const { meta: _meta, ...rest } = cut;
      expect({ name, within: isWithin(rest, value) }).toEqual({ name, within: true });
    }
    expect(seen).toBeGreaterThan(200);
  });
});

/** Whether a value is another one with members and items left out. */
function isWithin(part: unknown, whole: unknown): boolean {
  if (Array.isArray(part)) {
    if (!Array.isArray(whole)) return false;
    let at = 0;
    return part.every((item) => {
      while (at < whole.length && !isWithin(item, whole[at])) at++;
      return at++ < whole.length;
    });
  }
  if (typeof part !== 'object' || part === null) return part === whole;
  if (typeof whole !== 'object' || whole === null) return false;
  return Object.entries(part).every(([name, value]) => isWithin(value, (whole as Record<string, unknown>)[name]));
}
