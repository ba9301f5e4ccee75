import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { FhirError } from '../../../src/fhir/fhir-error.js';
import { compileTopic } from '../../../src/topics/compile-topic.js';
import { parseTopic } from '../../../src/topics/parse-topic.js';
import { SEMANTICS } from '../../support/semantics.js';

const read = (resource: object) =>
  compileTopic(
    parseTopic(resource as Record<string, unknown>, 't', (name) => SEMANTICS.definitions.isResourceType(name)),
    SEMANTICS,
  );
const topic = (more: object) => ({
  resourceType: 'SubscriptionTopic',
  url: 'http://x/t',
  status: 'active',
  resourceTrigger: [{ resource: 'Encounter' }],
  ...more,
});

function refusedAt(resource: object): (string | undefined)[] {
  try {
    read(resource);
  } catch (error) {
    if (!(error instanceof FhirError)) throw error;
    expect(error.status).toBe(422);
    return error.issues.map(({ expression }) => expression);
  }
  return [];
}

test('the official example is read, with its FHIRPath deciding', () => {
  const compiled = read(
    JSON.parse(readFileSync('node_modules/hl7.fhir.r4b.examples/SubscriptionTopic-admission.json', 'utf8')) as object,
  );
  expect(compiled.definition.filters[0]).toMatchObject({
    type: 'Encounter',
    parameter: 'patient',
    modifiers: ['=', 'in', 'not-in'],
  });
  expect(compiled.definition.eventTriggers[0]?.codings[0]?.code).toBe('A01');
  expect(compiled.triggers[0]?.needsPrevious('update')).toBe(true);
});

test('a filter that follows a reference may be declared, and a topic may be about events alone', () => {
  expect(refusedAt(topic({ canFilterBy: [{ resource: 'Encounter', filterParameter: 'patient.organization' }] }))).toEqual([]);
  expect(
    refusedAt(
      topic({ resourceTrigger: undefined, eventTrigger: [{ event: { coding: [{ code: 'A01' }] }, resource: 'Encounter' }] }),
    ),
  ).toEqual([]);
});

describe('what is refused, with its element', () => {
  const trigger = (more: object) => topic({ resourceTrigger: [{ resource: 'Encounter', ...more }] });
  test.each<[string, object, string]>([
    ['no url', topic({ url: undefined }), 'SubscriptionTopic.url'],
    ['a version in the url', topic({ url: 'http://x/t|1' }), 'SubscriptionTopic.url'],
    ['no trigger', topic({ resourceTrigger: undefined }), 'SubscriptionTopic.resourceTrigger'],
    [
      'an unknown type',
      topic({ resourceTrigger: [{ resource: 'Encounters' }] }),
      'SubscriptionTopic.resourceTrigger[0].resource',
    ],
    [
      'an unknown interaction',
      trigger({ supportedInteraction: ['create', 'read'] }),
      'SubscriptionTopic.resourceTrigger[0].supportedInteraction[1]',
    ],
    [
      'an unknown search parameter',
      trigger({ queryCriteria: { current: 'nothing=1' } }),
      'SubscriptionTopic.resourceTrigger[0].queryCriteria.current',
    ],
    [
      'a query for another type',
      trigger({ queryCriteria: { previous: 'Patient?active=true' } }),
      'SubscriptionTopic.resourceTrigger[0].queryCriteria.previous',
    ],
    [
      'criteria without a test',
      trigger({ queryCriteria: { requireBoth: true } }),
      'SubscriptionTopic.resourceTrigger[0].queryCriteria',
    ],
    [
      'an unknown result',
      trigger({ queryCriteria: { current: 'status=x', resultForCreate: 'yes' } }),
      'SubscriptionTopic.resourceTrigger[0].queryCriteria.resultForCreate',
    ],
    [
      'a FHIRPath that cannot be parsed',
      trigger({ fhirPathCriteria: '%current.status =' }),
      'SubscriptionTopic.resourceTrigger[0].fhirPathCriteria',
    ],
    [
      'a modifierExtension',
      trigger({ modifierExtension: [{ url: 'http://x' }] }),
      'SubscriptionTopic.resourceTrigger[0].modifierExtension',
    ],
    [
      'a filter that means nothing',
      topic({ canFilterBy: [{ resource: 'Encounter', filterParameter: 'nothing' }] }),
      'SubscriptionTopic.canFilterBy[0].filterParameter',
    ],
    [
      'a filter with a modifier in its name',
      topic({ canFilterBy: [{ filterParameter: 'status:not' }] }),
      'SubscriptionTopic.canFilterBy[0].filterParameter',
    ],
    [
      'a filter for a type without trigger',
      topic({ canFilterBy: [{ resource: 'Patient', filterParameter: 'active' }] }),
      'SubscriptionTopic.canFilterBy[0].resource',
    ],
    [
      'an include that is none',
      topic({ notificationShape: [{ resource: 'Encounter', include: ['patient'] }] }),
      'SubscriptionTopic.notificationShape[0].include[0]',
    ],
  ])('%s', (_, resource, expression) => {
    expect(refusedAt(resource)).toEqual([expression]);
  });

  test('all slips of a topic are named at once', () => {
    expect(refusedAt(topic({ url: undefined, resourceTrigger: [{ resource: 'X' }] }))).toEqual([
      'SubscriptionTopic.url',
      'SubscriptionTopic.resourceTrigger[0].resource',
    ]);
  });
});
