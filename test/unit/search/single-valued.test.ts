import { expect, test } from '@jest/globals';

import { SearchDefinitions } from '../../../src/search/search-definitions.js';
import { isSingleValued } from '../../../src/search/single-valued.js';

const definitions = SearchDefinitions.load();
const single = (type: string, code: string) => isSingleValued(definitions.find(type, code)!);

test.each([
  ['Observation', 'date'],
  ['Observation', 'value-quantity'],
  ['Patient', 'birthdate'],
  ['Patient', 'death-date'],
  ['Encounter', 'date'],
  ['Condition', 'onset-date'],
])('a %s has one value of %s at most', (type, code) => {
  expect(single(type, code)).toBe(true);
});

test.each([
  // A list on the way, two elements, a condition, or a type of which one node has several values.
  ['Observation', 'component-value-quantity'],
  ['Observation', 'combo-value-quantity'],
  ['Encounter', 'location-period'],
  ['MedicationRequest', 'date'],
  ['Patient', 'name'],
  ['Observation', 'code'],
  ['Observation', 'code-value-date'],
  ['ActivityDefinition', 'context-quantity'],
])('a %s may have several values of %s', (type, code) => {
  expect(single(type, code)).toBe(false);
});

test('of a parameter whose expression is beyond the compiler nothing is supposed', () => {
  const parameter = { ...definitions.find('Observation', 'date')!, expression: 'Observation.effective.select($this)' };
  expect(isSingleValued(parameter)).toBe(false);
});
