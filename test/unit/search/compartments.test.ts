import { describe, expect, test } from '@jest/globals';
import { Compartments } from '../../../src/search/compartments.js';
import { equalityKey } from '../../../src/search/equality-key.js';
import { SearchDefinitions } from '../../../src/search/search-definitions.js';

const compartments = Compartments.load();

describe('compartments', () => {
  test('are those of FHIR R4B', () => {
    expect([...compartments.names()].sort()).toEqual(['Device', 'Encounter', 'Patient', 'Practitioner', 'RelatedPerson']);
    expect(compartments.parametersOf('Patient', 'Observation')).toEqual(['performer', 'subject']);
    expect(compartments.parametersOf('Encounter', 'Encounter')).toEqual([]);
    expect(compartments.parametersOf('Patient', 'Practitioner')).toEqual([]);
    expect(compartments.typesOf('Encounter')).toHaveLength(24);
    expect(compartments.typesOf('Patient')).toHaveLength(66);
  });

  test('are made by reference parameters that the hub searches by', () => {
    const definitions = SearchDefinitions.load();
    const unknown = compartments
      .names()
      .flatMap((name) => compartments.typesOf(name).map((type) => [name, type] as const))
      .flatMap(([name, type]) => compartments.parametersOf(name, type).map((code) => [type, code] as const))
      .filter(([type, code]) => definitions.find(type, code)?.type !== 'reference');
    expect(unknown).toEqual([]);
  });

  test('have for each member one of their keys', () => {
    expect(compartments.keysOf('Patient', 'a', ['Observation', 'Practitioner'])).toEqual([
      equalityKey('Observation', 'performer', 'local', 'Patient', 'a'),
      equalityKey('Observation', 'subject', 'local', 'Patient', 'a'),
    ]);
  });
});
