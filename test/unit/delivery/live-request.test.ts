import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseLiveRequest, sharedSubscription } from '../../../src/delivery/channels/live-request.js';
import { FhirError } from '../../../src/fhir/fhir-error.js';
import { validateResource } from '../../../src/fhir/validate-resource.js';
import { parseSubscription } from '../../../src/subscriptions/parse-subscription.js';

const TOPIC = 'https://carillon.example/topics/x';
const shared = (argument: unknown) =>
  sharedSubscription(parseLiveRequest(argument, 'r4b') as Parameters<typeof sharedSubscription>[0]);

test('whatever is asked for, it is either understood or refused with a FhirError', () => {
  const members = fc.record(
    {
      subscription: fc.anything(),
      topic: fc.oneof(fc.constant(TOPIC), fc.anything()),
      criteria: fc.anything(),
      filters: fc.anything(),
      content: fc.oneof(fc.constantFrom('empty', 'id-only', 'full-resource'), fc.anything()),
      after: fc.oneof(fc.nat(), fc.anything()),
      maxCount: fc.oneof(fc.nat(), fc.anything()),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(members, fc.anything()), (argument) => {
      try {
        parseLiveRequest(argument, 'r4b');
      } catch (error) {
        expect(error).toBeInstanceOf(FhirError);
      }
    }),
  );
});

test.each([
  { topic: TOPIC },
  { topic: TOPIC, content: 'full-resource', filters: ['Observation?patient=Patient/1'], maxCount: 10 },
  { criteria: 'Observation?code=1', content: 'full-resource' },
  { criteria: 'Observation?code=1', face: 'r4' },
])('%j becomes a Subscription that is valid and that the hub reads as live', (argument) => {
  const { id, text } = shared(argument);
  const resource = JSON.parse(text);
  expect(validateResource(resource)).toEqual([]);
  expect(id).toMatch(/^[A-Za-z0-9\-.]{1,64}$/);
  expect(parseSubscription(resource, id, 1, 'r4b').channel.type).toBe('live');
});

test('the order and repetition of filters make no other Subscription, everything else does', () => {
  const same = [
    { topic: TOPIC, filters: ['a=1', 'b=2'] },
    { topic: TOPIC, filters: ['b=2', 'a=1', 'b=2'], after: 7 },
    { topic: TOPIC, filters: ['b=2', 'a=1'], content: 'id-only', face: 'r4b' },
  ];
  expect(new Set(same.map((argument) => shared(argument).id)).size).toBe(1);
  const different = [
    { topic: TOPIC },
    { topic: TOPIC, filters: ['a=1'] },
    { topic: TOPIC, content: 'empty' },
    { topic: TOPIC, face: 'r4' },
    { topic: TOPIC, maxCount: 1 },
  ];
  expect(new Set(different.map((argument) => shared(argument).id)).size).toBe(different.length);
});
