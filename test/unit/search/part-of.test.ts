import { expect, test } from '@jest/globals';
import { partOf } from '../../../src/search/part-of.js';
import { SEMANTICS } from '../../support/semantics.js';

const { definitions } = SEMANTICS;

test('hierarchies are those of the types that name one of their own as what they are part of', () => {
  const hierarchies = definitions.resourceTypes().filter((type) => partOf(definitions, type) !== undefined);
  expect(hierarchies).toEqual(['CarePlan', 'Encounter', 'Location', 'Organization', 'ResearchStudy', 'Task']);
});

test('what clients define makes no hierarchy, though it has the name and leads to its own type', () => {
  const row = {
    url: 'http://example.org/partof',
    code: 'partof',
    type: 'reference' as const,
    expression: 'Patient.link.other',
    targets: ['Patient'],
  };
  const more = definitions.with({ Patient: [row] });
  expect(more.find('Patient', 'partof')).toMatchObject({ targets: ['Patient'], custom: true });
  expect(more.findOfficial('Patient', 'partof')).toBeUndefined();
  expect(partOf(more, 'Patient')).toBeUndefined();
  expect(more.findOfficial('Location', 'partof')).toEqual(definitions.find('Location', 'partof'));
});
