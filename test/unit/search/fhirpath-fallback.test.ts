import { expect, test } from '@jest/globals';
import { fhirpathNodes } from '../../../src/search/fhirpath-fallback.js';

test('a reference is told by the type that it names', () => {
  const nodes = fhirpathNodes('Observation.subject.where(resolve() is Patient).reference.lower()');
  const about = (reference: string) => {
    const resource = { resourceType: 'Observation', subject: { reference } };
    return nodes(resource, resource).map(({ node }) => node);
  };
  expect(about('Patient/A')).toEqual(['patient/a']);
  expect(about('http://elsewhere.example/fhir/Patient/B/_history/1')).toHaveLength(1);
  expect(about('Group/a')).toEqual([]);
  expect(about('urn:uuid:7')).toEqual([]);
});
