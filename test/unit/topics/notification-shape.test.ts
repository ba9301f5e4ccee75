import { expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { FhirError } from '../../../src/fhir/fhir-error.js';
import { ShapePlan } from '../../../src/topics/notification-shape.js';
import { parseTopic } from '../../../src/topics/parse-topic.js';
import { readSeedTopics } from '../../../src/topics/seed-topics.js';
import { TopicRule } from '../../../src/topics/topic-rule.js';
import { SEMANTICS } from '../../support/semantics.js';

const { definitions } = SEMANTICS;
const topic = (...notificationShape: object[]): Record<string, unknown> => ({
  resourceType: 'SubscriptionTopic',
  url: 'http://x/t',
  status: 'active',
  resourceTrigger: [{ resource: 'Encounter' }],
  notificationShape,
});
const read = (...shapes: object[]) => parseTopic(topic(...shapes), 't', (name) => definitions.isResourceType(name));
const includesOf = (...include: string[]) =>
  read({ resource: 'Encounter', include }).shapes[0]!.include.map(({ source, parameter, target, iterate }) =>
    [source, parameter, target ?? '', iterate ? 'iterate' : ''].join(' ').trim(),
  );

async function refusedAt(value: Record<string, unknown>): Promise<(string | undefined)[]> {
  try {
    await new TopicRule(SEMANTICS).apply({ text: '', value }, 't');
  } catch (error) {
    if (!(error instanceof FhirError)) throw error;
    expect(error.status).toBe(422);
    return error.issues.map(({ expression }) => expression);
  }
  return [];
}

test.each([
  ['Encounter:patient', ['Encounter patient']],
  ['Encounter.patient', ['Encounter patient']],
  ['_include=Encounter:location:Location', ['Encounter location Location']],
  ['Encounter:patient&iterate=Patient.link', ['Encounter patient', 'Patient link  iterate']],
  ['Encounter:patient:Patient&iterate=Patient:link:Patient', ['Encounter patient Patient', 'Patient link Patient iterate']],
  ['_include=Encounter:patient&_include:iterate=Patient:link', ['Encounter patient', 'Patient link  iterate']],
  ['_include:iterate=Location:partof', ['Location partof  iterate']],
  ['_include:recurse=Location:partof', ['Location partof  iterate']],
  [':iterate=Location:partof', ['Location partof  iterate']],
  ['Location:partof:iterate', ['Location partof  iterate']],
  ['Location:partof:Location:iterate', ['Location partof Location iterate']],
  [' ?_include=Encounter:patient ', ['Encounter patient']],
  ['Encounter:*', ['Encounter *']],
  ['*', ['Encounter *']],
  ['_include=*', ['Encounter *']],
])('%s is read as %j', (text, expected) => {
  expect(includesOf(text)).toEqual(expected);
});

test.each([
  '',
  'patient',
  'Encounter',
  'Encounter:',
  'Encounter:patient:',
  'encounter:patient',
  'Encounter:patient&',
  'Encounter:patient=1',
  '_revinclude=Encounter:patient',
  'Encounter:pa tient',
  'iterate=',
  '&',
])('the include "%s" is refused by its place', async (text) => {
  const shape = { resource: 'Encounter', include: ['Encounter:patient', text] };
  expect(await refusedAt(topic(shape))).toEqual(['SubscriptionTopic.notificationShape[0].include[1]']);
});

test('a directive that could never add anything is refused by its place, all of them at once', async () => {
  const shapes = [
    { resource: 'Encounter', include: ['Encounter:pateint', 'Encounter:patient', 'Encounter:status', 'Encounters:patient'] },
    {
      resource: 'Encounter',
      include: ['Encounter:patient&iterate=Patient.links', 'Encounter:patient:Practitioner', 'Encounter:subject:Person1'],
      revInclude: ['DiagnosticReport:encounter', 'DiagnosticReport:nothing', 'Resource:subject'],
    },
  ];
  expect(await refusedAt(topic(...shapes))).toEqual([
    'SubscriptionTopic.notificationShape[0].include[2]',
    'SubscriptionTopic.notificationShape[0].include[3]',
    'SubscriptionTopic.notificationShape[1].include[1]',
    'SubscriptionTopic.notificationShape[1].include[2]',
    'SubscriptionTopic.notificationShape[1].revInclude[2]',
  ]);
});

test.each(readSeedTopics('topics').map(({ id, value }) => [id, value] as const))(
  'the starter topic %s passes',
  async (_, value) => {
    expect(await refusedAt(value)).toEqual([]);
  },
);

test('a draft may hold what it likes', async () => {
  expect(await refusedAt({ ...topic({ resource: 'Encounter', include: ['Encounter:pateint'] }), status: 'draft' })).toEqual([]);
});

test('a parameter that the hub does not know is passed over, as the official example needs it', async () => {
  const text = readFileSync('node_modules/hl7.fhir.r4b.examples/SubscriptionTopic-admission.json', 'utf8');
  expect(await refusedAt(JSON.parse(text) as Record<string, unknown>)).toEqual([]);
  const plan = ShapePlan.of(
    read({ resource: 'Encounter', include: ['Encounter:pateint', 'Encounter:patient'] }),
    'Encounter',
    definitions,
  )!;
  expect(plan.forwardOf('Encounter', true)).toEqual([{ code: 'patient' }]);
});

test('only iterating directives apply to what was included, and a typed target holds back the others', () => {
  const plan = ShapePlan.of(
    read({
      resource: 'Encounter',
      include: ['Encounter:subject:Patient&iterate=Patient.link', 'Encounter:location'],
      revInclude: ['Observation:encounter', '_revinclude:iterate=Observation:has-member', 'Observation:subject:Group'],
    }),
    'Encounter',
    definitions,
  )!;
  expect(plan.forwardOf('Encounter', true)).toEqual([{ code: 'subject', target: 'Patient' }, { code: 'location' }]);
  expect(plan.forwardOf('Encounter', false)).toEqual([]);
  expect(plan.forwardOf('Patient', false)).toEqual([{ code: 'link' }]);
  expect(plan.backwardOf('Encounter', true)).toEqual([{ source: 'Observation', code: 'encounter' }]);
  expect(plan.backwardOf('Observation', false)).toEqual([{ source: 'Observation', code: 'has-member' }]);
  expect(plan.backwardOf('Patient', false)).toEqual([]);
});

test('several shapes of a type add up, and a shape of every type joins them', () => {
  const topicOfThree = read(
    { resource: 'Encounter', include: ['Encounter:patient'] },
    { resource: 'http://hl7.org/fhir/StructureDefinition/Encounter', include: ['Encounter:location'] },
    { resource: 'Resource', revInclude: ['Provenance:target'] },
    { resource: 'Patient', include: ['Patient:link'] },
  );
  const plan = ShapePlan.of(topicOfThree, 'Encounter', definitions)!;
  expect(plan.forwardOf('Encounter', true).map(({ code }) => code)).toEqual(['patient', 'location']);
  expect(plan.backwardOf('Encounter', true)).toEqual([{ source: 'Provenance', code: 'target' }]);
  expect(ShapePlan.of(topicOfThree, 'Observation', definitions)!.forwardOf('Observation', true)).toEqual([]);
});

test('a wildcard stands for every parameter that is a reference', () => {
  const plan = ShapePlan.of(
    read({ resource: 'Encounter', include: ['*'], revInclude: ['Condition:*'] }),
    'Encounter',
    definitions,
  )!;
  const codes = plan.forwardOf('Encounter', true).map(({ code }) => code);
  expect(codes).toEqual(expect.arrayContaining(['patient', 'service-provider', 'location', 'part-of']));
  expect(codes).not.toContain('status');
  expect(plan.backwardOf('Encounter', true)).toContainEqual({ source: 'Condition', code: 'encounter' });
});

test('a topic without a shape for the focus adds nothing', () => {
  expect(ShapePlan.of(read({ resource: 'Patient', include: ['Patient:link'] }), 'Encounter', definitions)).toBeUndefined();
  expect(ShapePlan.of(read({ resource: 'Encounter' }), 'Encounter', definitions)).toBeUndefined();
});
