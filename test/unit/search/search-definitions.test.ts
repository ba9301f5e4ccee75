import { describe, expect, test } from '@jest/globals';
import { SearchDefinitions } from '../../../src/search/search-definitions.js';

const definitions = SearchDefinitions.load();

describe('the search parameters of R4B', () => {
  test('are there for every resource type, with those that every type has', () => {
    expect(definitions.resourceTypes()).toHaveLength(141);
    for (const type of definitions.resourceTypes()) {
      const codes = definitions.parametersOf(type).map(({ code }) => code);
      expect(codes).toEqual(expect.arrayContaining(['_id', '_lastUpdated', '_profile', '_security', '_source', '_tag']));
      expect(new Set(codes).size).toBe(codes.length);
    }
  });

  test('say what they are on their own base only', () => {
    expect(definitions.find('Patient', 'birthdate')).toMatchObject({
      base: 'Patient',
      type: 'date',
      expression: 'Patient.birthDate',
    });
    expect(definitions.find('Observation', 'date')).toMatchObject({ expression: 'Observation.effective' });
    expect(definitions.find('Observation', 'birthdate')).toBeUndefined();
    expect(definitions.find('Nonsense', '_id')).toBeUndefined();
    expect(definitions.find('Patient', 'constructor')).toBeUndefined();
    expect(definitions.isResourceType('constructor')).toBe(false);
  });

  test('of references lead to what their element may hold, not to what other bases may', () => {
    expect(definitions.find('AllergyIntolerance', 'patient')?.targets).toEqual(['Patient']);
    expect(definitions.find('Observation', 'patient')?.targets).toEqual(['Patient']);
    expect(definitions.find('Encounter', 'subject')?.targets).toEqual(['Group', 'Patient']);
    expect(definitions.find('Provenance', 'target')?.targets).toHaveLength(141);
    for (const type of definitions.resourceTypes())
      for (const parameter of definitions.parametersOf(type))
        if (parameter.type === 'reference') expect(parameter.targets.length).toBeGreaterThan(0);
  });

  test('may name the elements of whatever they are on', () => {
    expect(definitions.find('InsurancePlan', 'name')).toMatchObject({ type: 'string', expression: 'name | alias' });
    expect(definitions.find('Patient', 'name')).toMatchObject({ expression: 'Patient.name' });
  });

  test('leave out the examples among the official definitions', () => {
    expect(definitions.find('Condition', 'subject')?.url).toBe('http://hl7.org/fhir/SearchParameter/Condition-subject');
    expect(definitions.find('Patient', '_id')?.url).toBe('http://hl7.org/fhir/SearchParameter/Resource-id');
  });

  test('name the parts of a composite', () => {
    const composite = definitions.find('Observation', 'code-value-quantity');
    expect(composite?.components.map(({ type }) => type)).toEqual(['token', 'quantity']);
    for (const { url } of composite?.components ?? []) expect(definitions.findByUrl('Observation', url)).toBeDefined();
  });
});
