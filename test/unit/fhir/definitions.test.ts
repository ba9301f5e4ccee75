import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { definitions } from '../../../src/fhir/definitions.js';
import { PRIMITIVE_TESTS } from '../../../src/fhir/primitive-types.js';

const known = definitions();

test('knows the 141 resource types, as the file of their names does', () => {
  const names = new URL('../../../dist/definitions/resource-types.json', import.meta.url);
  expect(known.resourceTypes).toHaveLength(141);
  expect(JSON.parse(readFileSync(names, 'utf8'))).toEqual(known.resourceTypes);
  expect(['Patient', 'SubscriptionTopic', 'Bundle', 'Parameters'].every((name) => known.isResourceType(name))).toBe(true);
  expect(
    ['patient', 'Resource', 'DomainResource', 'Quantity', 'Observation.component', 'toString', '', undefined].some((name) =>
      known.isResourceType(name),
    ),
  ).toBe(false);
});

test('knows the types of elements, choices, nested and borrowed ones', () => {
  expect(known.elementTypes('Observation', 'status')).toEqual(['code']);
  expect(known.elementTypes('Observation', 'value')).toContain('Quantity');
  expect(known.elementTypes('Observation', 'value')).toHaveLength(11);
  expect(known.elementTypes('Observation', 'component')).toEqual(['Observation.component']);
  expect(known.elementTypes('Observation.component', 'referenceRange')).toEqual(['Observation.referenceRange']);
  expect(known.elementTypes('Bundle.entry', 'resource')).toEqual(['Resource']);
  expect(known.elementTypes('Reference', 'reference')).toEqual(['string']);
  expect(known.elementTypes('Patient', 'id')).toEqual(['id']);
  expect(known.elementTypes('Patient', 'nothing')).toEqual([]);
  expect(known.elementTypes('Nothing', 'id')).toEqual([]);
  expect(known.elementTypes('constructor', 'id')).toEqual([]);
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
