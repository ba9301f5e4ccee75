import { describe, expect, test } from '@jest/globals';

import { FhirError } from '../../../src/fhir/fhir-error.js';
import { clauseHolds } from '../../../src/search/clause-holds.js';
import { SearchDefinitions } from '../../../src/search/search-definitions.js';
import { SearchSemantics } from '../../../src/search/search-semantics.js';
import { codingKey, codingOf, officialTerminology, Terminology } from '../../../src/search/terminology.js';

const ANIMALS = {
  url: 'http://x/animals',
  version: '2',
  content: 'complete',
  concept: [
    { code: 'animal', concept: [{ code: 'dog', concept: [{ code: 'poodle' }] }, { code: 'cat' }] },
    { code: 'tree' },
    { code: 'wolf', property: [{ code: 'parent', valueCode: 'animal' }] },
  ],
};
const set = (url: string, include: object[], exclude: object[] = []) =>
  ({ url: `http://x/${url}`, compose: { include, exclude } }) as never;
const system = 'http://x/animals';
const terms = new Terminology(
  {
    codeSystems: [ANIMALS, { url: 'http://x/part', content: 'fragment' }],
    valueSets: [
      set('all', [{ system }]),
      set('old', [{ system, version: '1' }]),
      set('versioned', [{ system, version: '2' }]),
      set('dogs', [{ system, filter: [{ property: 'concept', op: 'is-a', value: 'dog' }] }]),
      set('kinds', [{ system, filter: [{ property: 'concept', op: 'descendent-of', value: 'animal' }] }]),
      set('others', [{ system, filter: [{ property: 'concept', op: 'is-not-a', value: 'animal' }] }]),
      set('listed', [{ system: 'http://nowhere', concept: [{ code: 'a' }] }, { valueSet: ['http://x/others'] }]),
      set('without', [{ system }], [{ valueSet: ['http://x/kinds'] }]),
      set('both', [{ system, valueSet: ['http://x/kinds', 'http://x/dogs'] }]),
      set('circle', [{ valueSet: ['http://x/circle'] }]),
      set('fragment', [{ system: 'http://x/part' }]),
      set('regex', [{ system, filter: [{ property: 'code', op: 'regex', value: 'd.*' }] }]),
      set('empty', []),
    ],
  },
  officialTerminology(),
);
const codesOf = (keys: Iterable<string>) => [...keys].map((key) => codingOf(key).code).sort();

describe('what a value set holds', () => {
  test.each([
    ['all', ['animal', 'cat', 'dog', 'poodle', 'tree', 'wolf']],
    ['versioned', ['animal', 'cat', 'dog', 'poodle', 'tree', 'wolf']],
    ['dogs', ['dog', 'poodle']],
    ['kinds', ['cat', 'dog', 'poodle', 'wolf']],
    ['others', ['tree']],
    ['listed', ['a', 'tree']],
    ['without', ['animal', 'tree']],
    ['both', ['dog', 'poodle']],
  ])('%s', (name, codes) => expect(codesOf(terms.expand(`http://x/${name}`))).toEqual(codes));

  test.each(['circle', 'fragment', 'regex', 'old', 'empty', 'never-heard-of'])('%s cannot be listed and says so', (name) => {
    expect(() => terms.expand(`http://x/${name}`)).toThrow(FhirError);
  });

  test('of the value sets of FHIR those that enumerate or follow a hierarchy can be listed', () => {
    expect(codesOf(officialTerminology().expand('http://hl7.org/fhir/ValueSet/administrative-gender'))).toEqual([
      'female',
      'male',
      'other',
      'unknown',
    ]);
    expect(officialTerminology().expand('http://hl7.org/fhir/ValueSet/administrative-gender|4.3.0').size).toBe(4);
    expect(() => officialTerminology().expand('http://hl7.org/fhir/ValueSet/administrative-gender|9')).toThrow(FhirError);
    expect(() => officialTerminology().expand('http://hl7.org/fhir/ValueSet/observation-codes')).toThrow(FhirError);
    const clinical = 'http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical';
    expect([...officialTerminology().below(clinical, 'inactive')]).toEqual([
      codingKey(clinical, 'inactive'),
      codingKey(clinical, 'resolved'),
    ]);
  });
});

const semantics = new SearchSemantics(SearchDefinitions.load(), ['http://hub/fhir/r4b']);
const coded = (code?: string) => ({
  resourceType: 'Observation',
  ...(code === undefined ? {} : { code: { coding: [{ system, code }] } }),
});
const holds = (query: string, resource: object) => {
  const [clause] = semantics.parse('Observation', query, { handling: 'strict', terminology: terms }).clauses;
  return clauseHolds(clause!, semantics.extract('Observation', resource));
};

describe('codes asked for by what they belong to', () => {
  test.each([
    ['code:in=http://x/dogs', ['dog', 'poodle']],
    ['code:in=http://x/dogs,http://x/others', ['dog', 'poodle', 'tree']],
    ['code:not-in=http://x/dogs', ['animal', 'cat', 'tree', undefined]],
    ['code:below=http://x/animals|dog', ['dog', 'poodle']],
    ['code:above=http://x/animals|dog', ['animal', 'dog']],
    ['code:above=http://x/animals|tree', ['tree']],
  ])('%s', (query, codes) => {
    const all = ['animal', 'cat', 'dog', 'poodle', 'tree', undefined];
    expect(all.filter((code) => holds(query, coded(code)))).toEqual(
      [...codes].sort((a, b) => all.indexOf(a as string) - all.indexOf(b as string)),
    );
  });

  test('a code without a system, or of another one, belongs to none', () => {
    expect(holds('code:in=http://x/dogs', { resourceType: 'Observation', code: { coding: [{ code: 'dog' }] } })).toBe(false);
    const other = { resourceType: 'Observation', code: { coding: [{ system: 'http://y', code: 'dog' }] } };
    expect(holds('code:in=http://x/dogs', other)).toBe(false);
  });

  test.each([
    'code:in=http://x/circle',
    'code:in=http://x/never-heard-of',
    'code:not-in=http://x/regex',
    'code:below=dog',
    'code:above=http://nowhere|dog',
    'code:below=http://x/part|a',
    'subject:in=http://x/dogs',
    'date:above=2020',
    'value-quantity:in=http://x/dogs',
  ])('%s is a 400 naming the parameter, with lenient handling too', (query) => {
    for (const handling of ['strict', 'lenient'] as const) {
      try {
        semantics.parse('Observation', query, { handling, terminology: terms });
        throw new Error('was taken');
      } catch (error) {
        expect(error).toBeInstanceOf(FhirError);
        expect((error as FhirError).status).toBe(400);
        expect((error as FhirError).issues[0]?.expression).toBe(query.split('=')[0]);
      }
    }
  });

  test('standing criteria go by what comes with FHIR alone', () => {
    expect(semantics.parseCriteria('Patient?gender:in=http://hl7.org/fhir/ValueSet/administrative-gender').clauses).toHaveLength(
      1,
    );
    expect(() => semantics.parseCriteria('Observation?code:in=http://x/dogs')).toThrow(FhirError);
  });
});
