import { describe, expect, test } from '@jest/globals';
import { accessKeysOf, isNegated } from '../../../src/search/access-keys.js';
import { clauseHolds } from '../../../src/search/clause-holds.js';
import { equalityKeysOf } from '../../../src/search/index-rows.js';
import { SEMANTICS } from '../../support/semantics.js';

/** Whether a resource answers a query; what the index's keys say must not contradict it. */
function answers(type: string, query: string, resource: object): boolean {
  const { clauses } = SEMANTICS.parse(type, query, { handling: 'strict' });
  const values = SEMANTICS.extract(type, { resourceType: type, ...resource });
  const keys = equalityKeysOf(values);
  return clauses.every((clause) => {
    const holds = clauseHolds(clause, values);
    const access = accessKeysOf(clause);
    if (holds && !isNegated(clause) && access) expect(access.some((key) => keys.has(key))).toBe(true);
    return holds;
  });
}

describe('the case of a token', () => {
  const medication = { batch: { lotNumber: 'Lot-7A' }, code: { coding: [{ system: 'http://x.example', code: 'Aa' }] } };

  test.each([
    ['lot-number=LOT-7a', true],
    ['lot-number=|lot-7a', true],
    ['lot-number=lot-7', false],
    ['lot-number:not=lot-7A', false],
    ['code=Aa', true],
    ['code=aa', false],
  ])('does not count where it is a string, but in codes: %s is %s', (query, expected) => {
    expect(answers('Medication', query, medication)).toBe(expected);
  });
});

describe('media types', () => {
  const typed = (contentType: string) => ({ content: [{ attachment: { contentType } }] });

  test.each([
    ['contenttype:below=text/xml', 'text/xml; charset=UTF-8', true],
    ['contenttype:below=text/xml', 'text/xml', true],
    ['contenttype:below=text/XML', 'Text/xml;charset=latin1', true],
    ['contenttype:below=text/xml', 'text/xmlx', false],
    ['contenttype:below=text/xml,text/plain', 'text/plain', true],
    ['contenttype=text/xml', 'text/xml; charset=UTF-8', false],
  ])('%s finds %s: %s', (query, contentType, expected) => {
    expect(answers('DocumentReference', query, typed(contentType))).toBe(expected);
  });

  test('have no parents', () => {
    expect(() => SEMANTICS.parse('DocumentReference', 'contenttype:above=text/xml', { handling: 'strict' })).toThrow(
      /contenttype:above/,
    );
  });
});

describe('paths of URLs', () => {
  test.each([
    ['url:below=http://acme.org/fhir/', 'http://acme.org/fhir/ValueSet/1', true],
    ['url:below=http://acme.org/fhir', 'http://acme.org/fhir/ValueSet/1', true],
    ['url:below=http://acme.org/fhir/', 'http://acme.org/fhir', true],
    ['url:below=http://acme.org/fhir', 'http://acme.org/fhir/', true],
    ['url:below=http://acme.org/fhi', 'http://acme.org/fhir', false],
    ['url:above=http://acme.org/fhir/ValueSet/1/_history/5', 'http://acme.org/fhir/ValueSet/1', true],
    ['url:above=http://acme.org/fhir/ValueSet/1', 'http://acme.org/fhir/', true],
    ['url:above=http://acme.org/fhir/', 'http://acme.org/fhir', true],
    ['url:above=http://acme.org/fhir', 'http://acme.org/fhirx', false],
    ['url:below=urn:oid:1.2', 'urn:oid:1.2.3', false],
    ['url:below=urn:oid:1.2/', 'urn:oid:1.2', false],
    ['url:above=urn:oid:1.2', 'urn:oid:1.2/', false],
  ])('%s finds %s: %s', (query, url, expected) => {
    expect(answers('ValueSet', query, { url })).toBe(expected);
  });
});

describe('a quantity that is only bounded', () => {
  test.each([
    ['<', 'ge5', false],
    ['<', 'lt5', true],
    ['<', 'eb5', true],
    ['<', 'gt4', true],
    ['<=', 'ge5', true],
    ['<=', 'eb5', false],
    ['>', 'le5', false],
    ['>', 'sa5', true],
    ['>=', 'le5', true],
    ['>=', 'sa5', false],
    ['>', 'eq6', false],
  ])('%s5 answers %s: %s', (comparator, asked, expected) => {
    expect(answers('Observation', `value-quantity=${asked}`, { valueQuantity: { value: 5, comparator } })).toBe(expected);
  });

  test.each([0, -2])('%d is no part of what is below or above it', (value) => {
    const bounded = (comparator: string) => ({ valueQuantity: { value, comparator } });
    expect(answers('Observation', `value-quantity=ge${String(value)}`, bounded('<'))).toBe(false);
    expect(answers('Observation', `value-quantity=le${String(value)}`, bounded('>'))).toBe(false);
  });
});

describe('a Location', () => {
  const berlin = { position: { latitude: 52.52, longitude: 13.405 } };

  test.each([
    // Potsdam is some 27 km away.
    ['near=52.39|13.065|30|km', true],
    ['near=52.39|13.065|25|km', false],
    ['near=52.39|13.065|30000|m', true],
    ['near=52.39|13.065|30', true],
    ['near=52.39|13.065|17|[mi_i]', true],
    ['near=52.39|13.065', true],
    ['near=53.55|9.99', false],
    ['near=53.55|9.99|300', true],
    // As far north, on the other side of the earth.
    ['near=52.52|-166.595|5000', false],
    ['near=52.52|-166.595|9000', true],
    ['near=52.39|13.065|1|km,52.5|13.4|10|km', true],
    ['near:missing=false', true],
  ])('is found by how far away it is: %s is %s', (query, expected) => {
    expect(answers('Location', query, berlin)).toBe(expected);
  });

  test('is near another across the line where the day changes', () => {
    expect(answers('Location', 'near=-17|-179.9|50|km', { position: { latitude: -17, longitude: 179.9 } })).toBe(true);
  });

  test('without a position is near nothing', () => {
    expect(answers('Location', 'near=0|0|30000|km', {})).toBe(false);
  });

  test.each([
    'near=north',
    'near=1',
    'near=91|0',
    'near=0|181',
    'near=0|0|-1',
    'near=0|0|1|parsec',
    'near=0|0|1|km|x',
    'near=0|0|e',
  ])('%s is no place', (query) => expect(() => SEMANTICS.parse('Location', query, { handling: 'lenient' })).toThrow(/'near'/));
});

test('samples are worked out without the dust of binary fractions', () => {
  const sampled = { component: [{ valueSampledData: { origin: { value: 2048 }, factor: 1.612, data: '1880 1' } }] };
  expect(answers('Observation', 'component-value-quantity=le5078.56', sampled)).toBe(true);
  expect(answers('Observation', 'component-value-quantity=gt5078.56', sampled)).toBe(false);
});

test('a name in capitals is found however it is written small', () => {
  expect(answers('Patient', 'address=GROSSE STRASSE', { address: [{ line: ['Große Straße 7'] }] })).toBe(true);
});
