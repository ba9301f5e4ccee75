import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mapId, mapReference } from '../../../src/sources/map-id.js';

const characters = [...'ABCZabcz0189-.'];
const word = (most: number) =>
  fc.array(fc.constantFrom(...characters), { minLength: 1, maxLength: most }).map((list) => list.join(''));

test('every id of a source becomes an id FHIR allows, the same each time, and no two become one', () => {
  fc.assert(
    fc.property(word(20), word(64), word(64), (prefix, a, b) => {
      expect(mapId(prefix, a)).toMatch(/^[A-Za-z0-9\-.]{1,64}$/);
      expect(mapId(prefix, a).startsWith(prefix)).toBe(true);
      expect(mapId(prefix, a) === mapId(prefix, b)).toBe(a === b);
    }),
  );
});

test('a long id becomes a hash that can be worked out elsewhere', () => {
  expect(mapId('lab-', 'x'.repeat(60))).toBe(`lab-${'x'.repeat(60)}`);
  expect(mapId('lab-', 'x'.repeat(61))).toMatch(/^lab-[0-9a-f]{32}$/);
});

test.each([
  ['Patient/1', 'Patient/lab-1'],
  ['Patient/1/_history/2', 'Patient/lab-1'],
  ['Patient/1#part', 'Patient/lab-1#part'],
  ['http://lab.example/fhir/Patient/1', 'Patient/lab-1'],
  ['http://lab.example/fhir/Patient/1/_history/2', 'Patient/lab-1'],
  ['http://lab.example/fhir2/Patient/1', undefined],
  ['http://other.example/fhir/Patient/1', undefined],
  ['#contained', undefined],
  ['urn:uuid:6e3d2d5e-0a5c-4bb1-8f0e-5b1f0e6b0b0a', undefined],
  ['Patient?identifier=x', undefined],
  ['patient/1', undefined],
  ['Patient/1/Observation/2', undefined],
  ['', undefined],
])('the reference %j leads to %j', (reference, mapped) => {
  expect(mapReference(reference, 'lab-', 'http://lab.example/fhir')).toBe(mapped);
});
