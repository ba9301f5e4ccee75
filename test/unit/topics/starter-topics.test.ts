import { describe, expect, test } from '@jest/globals';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { validateResource } from '../../../src/fhir/validate-resource.js';
import { compileTopic, type CompiledTopic, type ResourceState } from '../../../src/topics/compile-topic.js';
import { parseTopic } from '../../../src/topics/parse-topic.js';
import { readSeedTopics } from '../../../src/topics/seed-topics.js';
import { SEMANTICS } from '../../support/semantics.js';

const EXAMPLES = 'node_modules/hl7.fhir.r4b.examples';
const seeds = readSeedTopics('topics');
const compiled = new Map<string, CompiledTopic>(
  seeds.map(({ id, value }) => [
    id,
    compileTopic(
      parseTopic(value, id, (name) => SEMANTICS.definitions.isResourceType(name)),
      SEMANTICS,
    ),
  ]),
);

type Resource = Record<string, unknown> & { resourceType: string };

function state(resource: Resource | undefined): ResourceState | undefined {
  return resource && { resource, values: SEMANTICS.extract(resource.resourceType, resource) };
}

/** Whether the topic fires when `before` becomes `after`; undefined: there is none. */
function fires(topic: string, before: Resource | undefined, after: Resource | undefined): boolean {
  const { triggers } = compiled.get(topic)!;
  const change = {
    type: (after ?? before)!.resourceType,
    interaction: before === undefined ? ('create' as const) : after === undefined ? ('delete' as const) : ('update' as const),
    previous: state(before),
    current: state(after),
  };
  return triggers.some((trigger) => trigger.type === change.type && trigger.fires(change));
}

const example = (name: string) => JSON.parse(readFileSync(join(EXAMPLES, `${name}.json`), 'utf8')) as Resource;

test.each(seeds.map(({ id, value }) => [id, value] as const))('%s is a valid topic with a url of its own', (id, value) => {
  expect(validateResource(value)).toEqual([]);
  expect(value).toMatchObject({
    id,
    url: `https://carillon.example/topics/${id}`,
    version: expect.any(String),
    status: 'active',
  });
});

describe('encounters', () => {
  const encounter = (status: string, code = 'AMB', more: object = {}): Resource => ({
    resourceType: 'Encounter',
    status,
    class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code },
    ...more,
  });
  test.each([
    ['encounter-start', undefined, encounter('in-progress'), true],
    ['encounter-start', encounter('planned'), encounter('in-progress'), true],
    ['encounter-start', encounter('in-progress'), encounter('in-progress', 'IMP'), false],
    ['encounter-start', encounter('onleave'), encounter('in-progress'), false],
    ['encounter-start', encounter('planned'), undefined, false],
    ['encounter-end', encounter('in-progress'), encounter('finished'), true],
    ['encounter-end', undefined, encounter('finished'), true],
    ['encounter-end', encounter('finished'), encounter('finished', 'IMP'), false],
    ['encounter-end', encounter('finished'), undefined, false],
    ['admission', undefined, encounter('in-progress', 'IMP'), true],
    ['admission', encounter('in-progress', 'EMER'), encounter('in-progress', 'IMP'), true],
    ['admission', encounter('arrived', 'IMP'), encounter('in-progress', 'IMP'), true],
    ['admission', encounter('in-progress', 'IMP'), encounter('in-progress', 'ACUTE'), false],
    ['admission', encounter('planned'), encounter('in-progress', 'AMB'), false],
    ['discharge', encounter('in-progress', 'IMP'), encounter('finished', 'IMP'), true],
    ['discharge', encounter('in-progress'), encounter('finished'), false],
  ])('%s: %j to %j fires %s', (topic, before, after, expected) => {
    expect(fires(topic, before, after)).toBe(expected);
  });

  const at = (...places: [string, string?][]) =>
    encounter('in-progress', 'IMP', {
      location: places.map(([reference, status]) => ({ location: { reference }, status })),
    });
  test.each([
    [at(['Location/1']), at(['Location/1', 'completed'], ['Location/2', 'active']), true],
    [at(['Location/1']), at(['Location/2']), true],
    [at(['Location/1']), at(['Location/1']), false],
    [at(['Location/1']), at(['Location/1'], ['Location/2', 'planned']), false],
    [encounter('planned', 'IMP'), at(['Location/1']), false],
  ])('transfer: %j to %j fires %s', (before, after, expected) => {
    expect(fires('transfer', before, after)).toBe(expected);
  });
  test('a finished official example ends an encounter', () => {
    expect(fires('encounter-end', undefined, example('Encounter-f001'))).toBe(true);
  });
});

describe('observations', () => {
  const observation = (category: string, status: string, more: object = {}): Resource => ({
    resourceType: 'Observation',
    status,
    code: { text: 'x' },
    category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: category }] }],
    ...more,
  });
  const interpreted = (code: string) => ({
    interpretation: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation', code }] }],
  });
  test.each([
    ['laboratory-result', undefined, observation('laboratory', 'final'), true],
    ['laboratory-result', observation('laboratory', 'preliminary'), observation('laboratory', 'final'), true],
    ['laboratory-result', observation('laboratory', 'final'), observation('laboratory', 'corrected'), true],
    ['laboratory-result', undefined, observation('laboratory', 'preliminary'), false],
    ['laboratory-result', undefined, observation('vital-signs', 'final'), false],
    ['laboratory-result', observation('laboratory', 'final'), undefined, false],
    ['abnormal-vital-sign', undefined, observation('vital-signs', 'final', interpreted('H')), true],
    ['abnormal-vital-sign', undefined, observation('vital-signs', 'final', { component: [interpreted('LL')] }), true],
    ['abnormal-vital-sign', undefined, observation('vital-signs', 'final', interpreted('N')), false],
    ['abnormal-vital-sign', undefined, observation('vital-signs', 'preliminary', interpreted('H')), false],
    ['abnormal-vital-sign', undefined, observation('laboratory', 'final', interpreted('H')), false],
    ['abnormal-vital-sign', undefined, observation('vital-signs', 'final'), false],
  ])('%s: %j to %j fires %s', (topic, before, after, expected) => {
    expect(fires(topic, before, after)).toBe(expected);
  });
  test('the official blood pressure example, with a low component, is an abnormal vital sign', () => {
    expect(fires('abnormal-vital-sign', undefined, example('Observation-blood-pressure'))).toBe(true);
    expect(fires('abnormal-vital-sign', undefined, example('Observation-body-length'))).toBe(false);
  });
});

describe('documents, orders, appointments, patients, medication', () => {
  const order = (status: string, intent = 'order'): Resource => ({ resourceType: 'ServiceRequest', status, intent });
  const document = (status: string): Resource => ({ resourceType: 'DocumentReference', status });
  const appointment = (status: string): Resource => ({ resourceType: 'Appointment', status });
  const request = (status: string): Resource => ({ resourceType: 'MedicationRequest', status, intent: 'order' });
  const patient = (more: object): Resource => ({
    resourceType: 'Patient',
    name: [{ family: 'Quist', given: ['A', 'B'] }],
    ...more,
  });
  test.each<[string, Resource | undefined, Resource | undefined, boolean]>([
    ['document-available', undefined, document('current'), true],
    ['document-available', document('superseded'), document('current'), true],
    ['document-available', document('current'), document('current'), false],
    ['document-available', document('current'), document('superseded'), false],
    ['order-placed', undefined, order('active'), true],
    ['order-placed', order('draft'), order('active'), true],
    ['order-placed', order('on-hold'), order('active'), false],
    ['order-placed', undefined, order('active', 'plan'), false],
    ['appointment-booked-or-cancelled', appointment('proposed'), appointment('booked'), true],
    ['appointment-booked-or-cancelled', appointment('booked'), appointment('cancelled'), true],
    ['appointment-booked-or-cancelled', appointment('booked'), appointment('arrived'), false],
    ['appointment-booked-or-cancelled', undefined, appointment('proposed'), false],
    ['patient-demographics-changed', patient({}), patient({ birthDate: '1970-01-01' }), true],
    ['patient-demographics-changed', patient({ birthDate: '1970' }), patient({}), true],
    [
      'patient-demographics-changed',
      patient({}),
      { resourceType: 'Patient', name: [{ family: 'Other', given: ['A', 'B'] }] },
      true,
    ],
    ['patient-demographics-changed', patient({}), patient({ deceasedBoolean: true }), true],
    ['patient-demographics-changed', patient({}), patient({}), false],
    ['patient-demographics-changed', patient({}), patient({ text: { status: 'generated' } }), false],
    ['patient-demographics-changed', undefined, patient({}), false],
    ['medication-request-changed', undefined, request('active'), true],
    ['medication-request-changed', request('active'), request('stopped'), true],
    ['medication-request-changed', request('active'), undefined, true],
  ])('%s: %j to %j fires %s', (topic, before, after, expected) => {
    expect(fires(topic, before, after)).toBe(expected);
  });
});

test('every topic can be decided on every official example of its types', () => {
  const names = readdirSync(EXAMPLES).filter((name) => name.endsWith('.json') && name !== 'package.json');
  let decided = 0;
  for (const [id, { triggers }] of compiled) {
    for (const name of names.filter((candidate) => triggers.some(({ type }) => candidate.startsWith(`${type}-`)))) {
      const resource = example(name.slice(0, -'.json'.length));
      for (const [before, after] of [
        [undefined, resource],
        [resource, resource],
        [resource, undefined],
      ] as const) {
        if (before === undefined && after === undefined) continue;
        expect(typeof fires(id, before, after)).toBe('boolean');
        decided++;
      }
    }
  }
  expect(decided).toBeGreaterThan(300);
});
