import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FhirError } from '../../../src/fhir/fhir-error.js';
import { canonicalFilters, parseFilter, splitValues } from '../../../src/subscriptions/filter-syntax.js';
import { resolveFilters } from '../../../src/subscriptions/resolve-filters.js';
import { parseTopic } from '../../../src/topics/parse-topic.js';
import { SEMANTICS } from '../../support/semantics.js';

describe('the syntax of a filter', () => {
  test.each([
    ['patient=Patient/1', [{ parameter: 'patient', value: 'Patient/1' }]],
    ['Encounter?patient=Patient/1', [{ type: 'Encounter', parameter: 'patient', value: 'Patient/1' }]],
    ['Encounter.patient=Patient/1', [{ type: 'Encounter', parameter: 'patient', value: 'Patient/1' }]],
    ['patient.gender=male', [{ parameter: 'patient.gender', value: 'male' }]],
    ['Observation?code:in=http%3A%2F%2Fx%7C1', [{ type: 'Observation', parameter: 'code', modifier: 'in', value: 'http://x|1' }]],
    [
      'a=1&b:not=2',
      [
        { parameter: 'a', value: '1' },
        { parameter: 'b', modifier: 'not', value: '2' },
      ],
    ],
    ['date=ge2020-01-01T00:00:00+01:00', [{ parameter: 'date', value: 'ge2020-01-01T00:00:00+01:00' }]],
  ])('%s', (filter, terms) => {
    expect(parseFilter(filter)).toEqual(terms);
  });

  test.each(['', 'patient', '=x', 'patient=', 'Encounter?', '&', 'a=%zz'])('%j is none', (filter) => {
    expect(parseFilter(filter)).toBeUndefined();
  });

  test('values are split at commas that are not escaped, and nothing is lost', () => {
    expect(splitValues('a\\,b,c\\\\,d')).toEqual(['a\\,b', 'c\\\\', 'd']);
    fc.assert(fc.property(fc.string(), (value) => expect(splitValues(value).join(',')).toBe(value)));
  });

  test('spellings of the same filters are one', () => {
    expect(canonicalFilters(['Encounter?b=2&a=y,x'])).toEqual(
      canonicalFilters(['Encounter.a=x,y', 'Encounter?b=2', 'Encounter?b=2']),
    );
    expect(canonicalFilters(['a=1'])).not.toEqual(canonicalFilters(['a:not=1']));
    expect(canonicalFilters(['a=1%26b=2'])).not.toEqual(canonicalFilters(['a=1&b=2']));
  });
});

describe('what the topic declares', () => {
  const topic = parseTopic(
    {
      resourceType: 'SubscriptionTopic',
      url: 'http://x/t',
      status: 'active',
      resourceTrigger: [{ resource: 'Encounter' }, { resource: 'http://hl7.org/fhir/StructureDefinition/Observation' }],
      canFilterBy: [
        { resource: 'Encounter', filterParameter: 'patient' },
        { resource: 'Observation', filterParameter: 'patient' },
        { resource: 'Encounter', filterParameter: 'length', modifier: ['gt', 'lt'] },
        { resource: 'Observation', filterParameter: 'value-quantity', modifier: ['=', 'gt'] },
        { resource: 'Observation', filterParameter: 'patient.organization' },
        {
          resource: 'Observation',
          filterParameter: 'code',
          filterDefinition: 'http://hl7.org/fhir/SearchParameter/clinical-code',
        },
        { filterParameter: '_id' },
      ],
    },
    't',
    (name) => SEMANTICS.definitions.isResourceType(name),
  );
  const types = (...filters: string[]) => [...resolveFilters(filters, topic, SEMANTICS).keys()].sort();

  test('a filter without a type applies to every type that declares it, one with a type to that type alone', () => {
    expect(types('patient=Patient/1')).toEqual(['Encounter', 'Observation']);
    expect(types('Encounter?patient=Patient/1')).toEqual(['Encounter']);
    expect(types('_id=1')).toEqual(['Encounter', 'Observation']);
    expect(types()).toEqual([]);
  });

  test('all filters of a type must hold', () => {
    expect(
      resolveFilters(['Encounter?patient=Patient/1', 'Encounter?length=gt5'], topic, SEMANTICS).get('Encounter'),
    ).toHaveLength(2);
  });

  test('a declared chain is a condition on what the focus refers to', () => {
    const [asked] = resolveFilters(['patient.organization=Organization/1'], topic, SEMANTICS).get('Observation') ?? [];
    expect(asked).toMatchObject({ written: 'patient.organization=Organization/1', link: { kind: 'chain' } });
  });

  test.each([
    ['status=finished', 'undeclared parameter'],
    ['Observation?length=gt5', 'declared for another type'],
    ['Patient?patient=Patient/1', 'another type altogether'],
    ['length=5', 'equality where only comparators are declared'],
    ['length=ge5', 'undeclared comparator'],
    ['patient:missing=true', 'undeclared modifier'],
    ['value-quantity=gt5,lt3', 'one undeclared comparator among several'],
    ['patient.organization:missing=true', 'an undeclared modifier of a chain'],
    ['patient.name=x', 'an undeclared chain'],
    ['no filter', 'not of the form'],
    ['value-quantity=gtx', 'a value that is none'],
  ])('%s is refused: %s', (filter) => {
    expect.assertions(2);
    try {
      resolveFilters(['patient=Patient/1', filter], topic, SEMANTICS);
    } catch (error) {
      expect((error as FhirError).status).toBe(422);
      expect((error as FhirError).issues[0]?.expression).toBe('Subscription.criteria.extension[1]');
    }
  });
});
