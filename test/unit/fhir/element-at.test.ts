import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { elementAt } from '../../../src/fhir/element-at.js';
import { FhirError } from '../../../src/fhir/fhir-error.js';
import { parseJson } from '../../../src/fhir/json-text.js';

function expressionOf(text: string): string | undefined {
  try {
    parseJson(text);
  } catch (error) {
    return (error as FhirError).issues[0]?.expression;
  }
  throw new Error('was taken');
}

test.each([
  ['{"resourceType":"Patient","name":[{"family":"A"},{"family":"B","family":"C"}]}', 'Patient.name[1]'],
  ['{"name":[{"given":["a","b\\u0000"]}],"resourceType":"Patient"}', 'Patient.name[0].given[1]'],
  ['{"resourceType":"Patient","active":tru}', 'Patient.active'],
  ['{"resourceType":"Patient","_birthDate":{"extension":[{"url":"x",}]}}', 'Patient.birthDate.extension[0]'],
  ['{"resourceType":"Patient","__proto__":{}}', 'Patient'],
  ['{"resourceType":"Patient","active":true,"active":true}', 'Patient'],
  ['{"a\\"]}{":1,"b":01}', 'Resource.b'],
  ['', 'Resource'],
])('%s is to be mended at %s', (text, expression) => {
  expect(expressionOf(text)).toBe(expression);
});

test('any place of any text has an answer', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'{}[]",:\\ab1') }), fc.nat(60), (text, at) => {
      expect(elementAt(text, at)).toMatch(/^Resource(\.[A-Za-z][A-Za-z0-9]*|\[\d+\])*$/);
    }),
  );
});
