import { expect, test } from '@jest/globals';
import { definitions } from '../../../src/fhir/definitions.js';
import { PRIMITIVE_TESTS } from '../../../src/fhir/primitive-types.js';

const known = definitions();

test('knows the 141 resource types', () => {
  expect(known.resourceTypes).toHaveLength(141);
  expect(['Patient', 'SubscriptionTopic', 'Bundle', 'Parameters'].every((name) => known.isResourceType(name))).toBe(true);
  expect(
    ['patient', 'Resource', 'DomainResource', 'Quantity', 'Observation.component', 'toString', '', undefined].some((name) =>
      known.isResourceType(name),
    ),
  ).toBe(false);
});

test('knows the types of elements, choices, nested and borrowed ones', () => {
  const elementTypes = (typeName: string, elementName: string) =>
    known.type(typeName)?.elements.find(({ name }) => name === elementName || name === `${elementName}[x]`)?.types ?? [];
  expect(elementTypes('Observation', 'status')).toEqual(['code']);
  expect(elementTypes('Observation', 'value')).toContain('Quantity');
  expect(elementTypes('Observation', 'value')).toHaveLength(11);
  expect(elementTypes('Observation', 'component')).toEqual(['Observation.component']);
  expect(elementTypes('Observation.component', 'referenceRange')).toEqual(['Observation.referenceRange']);
  expect(elementTypes('Bundle.entry', 'resource')).toEqual(['Resource']);
  expect(elementTypes('Reference', 'reference')).toEqual(['string']);
  expect(elementTypes('Patient', 'id')).toEqual(['id']);
  expect(elementTypes('Patient', 'nothing')).toEqual([]);
  expect(elementTypes('Nothing', 'id')).toEqual([]);
  expect(elementTypes('constructor', 'id')).toEqual([]);
});

test('lists codes of required bindings, and not what is open or cannot be listed', () => {
  const codes = (type: string, name: string) => known.type(type)!.elements.find((element) => element.name === name)!.codes;
  expect(codes('Observation', 'status')).toEqual([
    'registered',
    'preliminary',
    'final',
    'amended',
    'corrected',
    'cancelled',
    'entered-in-error',
    'unknown',
  ]);
  expect(codes('Subscription.channel', 'type')).toEqual(['rest-hook', 'websocket', 'email', 'sms', 'message']);
  expect(codes('Attachment', 'contentType')).toBeUndefined();
  expect(codes('Observation', 'language')).toBeUndefined();
});

test('every type that an element names can be had', () => {
  const missing: string[] = [];
  const seen = new Set<string>();
  const visit = (name: string) => {
    if (seen.has(name) || name === 'Resource' || name in PRIMITIVE_TESTS) return;
    seen.add(name);
    const type = known.type(name);
    if (type === undefined) missing.push(name);
    else for (const { type: next } of type.members.values()) visit(next);
  };
  known.resourceTypes.forEach(visit);
  expect(missing).toEqual([]);
  expect(seen.size).toBeGreaterThan(600);
});
