import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import type { Issue } from '../../../src/fhir/fhir-error.js';
import { checkRules } from '../../../src/validation/check-rules.js';
import { fhirpathTests } from '../../../src/validation/invariant-tests.js';
import { type CompiledRules, officialRules } from '../../../src/validation/rules.js';

const run = fhirpathTests();

function findings(resource: object): Issue[] {
  const found: Issue[] = [];
  checkRules(resource, run, (issue) => found.push(issue));
  return found;
}

const XHTML = 'xmlns="http://www.w3.org/1999/xhtml"';
const text = (div = 'a') => ({ status: 'generated', div: `<div ${XHTML}>${div}</div>` });
const observation = (more: object = {}) => ({
  resourceType: 'Observation',
  text: text(),
  status: 'final',
  code: { text: 'a' },
  ...more,
});
const patient = (more: object = {}) => ({ resourceType: 'Patient', text: text(), ...more });
const bundle = (type: string, ...entry: object[]) => ({ resourceType: 'Bundle', type, entry });
const quantity = (value: number) => ({ value, system: 'http://unitsofmeasure.org', code: 'mg' });

const WARNINGS = ['dom-6', 'dom-r4b', 'eld-20'];

test.each<[rule: string, where: string, resource: object]>([
  ['ele-1', 'Patient.name[0]', patient({ name: [{ id: 'x' }] })],
  ['ele-1', 'Patient.birthDate', patient({ _birthDate: { id: 'x' } })],
  ['ext-1', 'Patient.extension[0]', patient({ extension: [{ url: 'http://e.org/x' }] })],
  [
    'ext-1',
    'Patient.birthDate.extension[0]',
    patient({
      birthDate: '2000',
      _birthDate: { extension: [{ url: 'http://e.org/x', valueCode: 'a', extension: [{ url: 'b', valueCode: 'c' }] }] },
    }),
  ],
  ['ref-1', 'Observation.subject', observation({ subject: { reference: '#p' } })],
  ['ref-1', 'Patient.extension[0].valueReference', patient({ extension: [{ url: 'a:b', valueReference: { reference: '#' } }] })],
  [
    'dom-3',
    'Patient.contained[1]',
    patient({
      contained: [
        { resourceType: 'Organization', id: 'a', name: 'a' },
        { resourceType: 'Organization', id: 'b', name: 'b' },
      ],
      managingOrganization: { reference: '#a' },
    }),
  ],
  [
    'dom-4',
    'Observation',
    observation({ contained: [{ resourceType: 'Patient', id: 'p', meta: { versionId: '1' } }], subject: { reference: '#p' } }),
  ],
  ['dom-6', 'Patient', { resourceType: 'Patient', active: true }],
  ['txt-1', 'Patient.text.div', patient({ text: text('<script>x</script>') })],
  ['txt-2', 'Patient.text.div', patient({ text: text('  ') })],
  ['obs-6', 'Observation', observation({ valueString: 'a', dataAbsentReason: { text: 'b' } })],
  [
    'obs-7',
    'Observation',
    observation({
      valueString: 'a',
      code: { coding: [{ system: 'a:b', code: 'c' }] },
      component: [{ code: { coding: [{ system: 'a:b', code: 'c' }] } }],
    }),
  ],
  ['obs-3', 'Observation.referenceRange[0]', observation({ referenceRange: [{ type: { text: 'a' } }] })],
  [
    'obs-3',
    'Observation.component[0].referenceRange[0]',
    observation({ component: [{ code: { text: 'a' }, referenceRange: [{ type: { text: 'a' } }] }] }),
  ],
  ['qty-3', 'Observation.valueQuantity', observation({ valueQuantity: { value: 1, code: 'mg' } })],
  ['rng-2', 'Observation.valueRange', observation({ valueRange: { low: quantity(3), high: quantity(2) } })],
  ['per-1', 'Observation.effectivePeriod', observation({ effectivePeriod: { start: '2026-02-01', end: '2026-01-01' } })],
  ['att-1', 'Patient.photo[0]', patient({ photo: [{ data: 'AAAA' }] })],
  ['cpt-2', 'Patient.telecom[0]', patient({ telecom: [{ value: '1' }] })],
  ['pat-1', 'Patient.contact[0]', patient({ contact: [{ gender: 'male' }] })],
  [
    'org-2',
    'Organization.address[0]',
    { resourceType: 'Organization', text: text(), name: 'a', address: [{ use: 'home', city: 'a' }] },
  ],
  [
    'tim-1',
    'ServiceRequest.occurrenceTiming.repeat',
    {
      resourceType: 'ServiceRequest',
      text: text(),
      status: 'active',
      intent: 'order',
      subject: { display: 'a' },
      occurrenceTiming: { repeat: { duration: 1 } },
    },
  ],
  [
    'age-1',
    'Condition.onsetAge',
    {
      resourceType: 'Condition',
      text: text(),
      subject: { display: 'a' },
      onsetAge: { value: -1, system: 'http://unitsofmeasure.org', code: 'a' },
    },
  ],
  [
    'con-5',
    'Condition',
    {
      resourceType: 'Condition',
      text: text(),
      subject: { display: 'a' },
      clinicalStatus: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-clinical', code: 'active' }] },
      verificationStatus: {
        coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-ver-status', code: 'entered-in-error' }],
      },
    },
  ],
  [
    'ctm-1',
    'CareTeam.participant[0]',
    {
      resourceType: 'CareTeam',
      text: text(),
      participant: [{ member: { reference: 'Patient/1' }, onBehalfOf: { reference: 'Organization/1' } }],
    },
  ],
  [
    'que-2',
    'Questionnaire',
    {
      resourceType: 'Questionnaire',
      text: text(),
      status: 'draft',
      item: [
        { linkId: '1', type: 'display', text: 'a' },
        { linkId: '1', type: 'display', text: 'a' },
      ],
    },
  ],
  [
    'que-7',
    'Questionnaire.item[1].enableWhen[0]',
    {
      resourceType: 'Questionnaire',
      text: text(),
      status: 'draft',
      item: [
        { linkId: '1', type: 'string', text: 'a' },
        { linkId: '2', type: 'display', text: 'a', enableWhen: [{ question: '1', operator: 'exists', answerString: 'a' }] },
      ],
    },
  ],
  [
    'ras-1',
    'RiskAssessment.prediction[0].probabilityRange',
    {
      resourceType: 'RiskAssessment',
      text: text(),
      status: 'final',
      subject: { display: 'a' },
      prediction: [{ probabilityRange: { low: quantity(1) } }],
    },
  ],
  [
    'csd-1',
    'CodeSystem',
    {
      resourceType: 'CodeSystem',
      text: text(),
      status: 'draft',
      content: 'complete',
      concept: [{ code: 'a', concept: [{ code: 'b' }] }, { code: 'b' }],
    },
  ],
  [
    'eld-3',
    'StructureDefinition.differential.element[0].max',
    {
      resourceType: 'StructureDefinition',
      text: text(),
      url: 'a:b',
      name: 'A',
      status: 'draft',
      kind: 'resource',
      abstract: true,
      type: 'Patient',
      differential: { element: [{ id: 'Patient', path: 'Patient', max: '-1' }] },
    },
  ],
  [
    'eld-20',
    'StructureDefinition.differential.element[0]',
    {
      resourceType: 'StructureDefinition',
      text: text(),
      url: 'a:b',
      name: 'A',
      status: 'draft',
      kind: 'resource',
      abstract: true,
      type: 'Patient',
      differential: { element: [{ id: 'Patient', path: 'Patient.Name' }] },
    },
  ],
  [
    'dom-r4b',
    'Patient.contained[0]',
    patient({
      contained: [
        {
          resourceType: 'Ingredient',
          id: 'a',
          status: 'active',
          role: { text: 'a' },
          substance: { code: { concept: { text: 'a' } } },
        },
      ],
      extension: [{ url: 'a:b', valueReference: { reference: '#a' } }],
    }),
  ],
  [
    'cud-1',
    'ClinicalUseDefinition',
    {
      resourceType: 'ClinicalUseDefinition',
      text: text(),
      type: 'warning',
      warning: { description: 'a' },
      interaction: { management: [{ text: 'a' }] },
    },
  ],
  ['bdl-1', 'Bundle', { ...bundle('collection'), total: 1 }],
  ['bdl-3', 'Bundle', bundle('transaction', { resource: patient() })],
  ['bdl-7', 'Bundle', bundle('collection', ...[1, 2].map(() => ({ fullUrl: 'http://e.org/Patient/1', resource: patient() })))],
  [
    'pat-1',
    'Bundle.entry[0].resource.contact[0]',
    bundle('collection', { fullUrl: 'http://e.org/Patient/1', resource: patient({ contact: [{ gender: 'male' }] }) }),
  ],
  [
    'inv-1',
    'Parameters.parameter[0]',
    { resourceType: 'Parameters', parameter: [{ name: 'a', valueCode: 'a', part: [{ name: 'b', valueCode: 'b' }] }] },
  ],
])('%s is broken at %s', (rule, where, resource) => {
  const found = findings(resource).filter(({ severity }) => severity !== 'information');
  expect(found).toEqual([expect.objectContaining({ code: 'invariant', expression: where })]);
  expect(found[0]!.diagnostics).toContain(` breaks the rule ${rule}: `);
  expect(found[0]!.severity).toBe(WARNINGS.includes(rule) ? 'warning' : 'error');
});

test.each<[what: string, resource: object]>([
  [
    'a reference to what is contained',
    observation({ contained: [{ resourceType: 'Patient', id: 'p' }], subject: { reference: '#p' } }),
  ],
  [
    'what is contained and refers to its container',
    observation({
      contained: [
        {
          resourceType: 'Provenance',
          id: 'p',
          target: [{ reference: '#' }],
          recorded: '2026-01-01T00:00:00Z',
          agent: [{ who: { display: 'a' } }],
        },
      ],
    }),
  ],
  ['a period of which one end is vague', observation({ effectivePeriod: { start: '2026-02-01', end: '2026' } })],
  [
    'extensions beside a list of primitives',
    patient({ name: [{ given: ['a', null], _given: [null, { extension: [{ url: 'a:b', valueCode: 'c' }] }] }] }),
  ],
  ['an id beside a value', patient({ birthDate: '2000', _birthDate: { id: 'x' } })],
])('%s keeps every rule', (_, resource) => {
  expect(findings(resource)).toEqual([]);
});

test.each<[what: string, where: string, resource: object]>([
  [
    'of a reference to a type that does not belong there',
    'Observation.subject',
    observation({ subject: { reference: 'Encounter/1' } }),
  ],
  [
    'of a reference that says its type',
    'Observation.subject',
    observation({ subject: { type: 'Encounter', identifier: { value: '1' } } }),
  ],
  [
    'of a reference to another server',
    'Observation.subject',
    observation({ subject: { reference: 'https://e.org/fhir/Encounter/1/_history/2' } }),
  ],
  [
    'of a reference to what is contained',
    'Observation.subject',
    observation({
      contained: [{ resourceType: 'Encounter', id: 'e', status: 'planned', class: { code: 'AMB' } }],
      subject: { reference: '#e' },
    }),
  ],
  [
    'of a codeable reference',
    'Ingredient.substance.code.reference',
    {
      resourceType: 'Ingredient',
      text: text(),
      status: 'active',
      role: { text: 'a' },
      substance: { code: { reference: { reference: 'Patient/1' } } },
    },
  ],
])('the target %s is an error', (_, where, resource) => {
  expect(findings(resource)).toEqual([expect.objectContaining({ severity: 'error', code: 'structure', expression: where })]);
});

test('a reference whose target nobody can tell is let through', () => {
  for (const reference of ['urn:uuid:c757873d-ec9a-4326-a141-556f43239520', 'https://e.org/images/1'])
    expect(findings(observation({ subject: { reference } }))).toEqual([]);
  expect(findings(observation({ subject: { identifier: { value: '1' } } }))).toEqual([]);
});

test('a concept of a required value set has one of its codes', () => {
  const condition = (clinicalStatus: object) => ({
    resourceType: 'Condition',
    text: text(),
    subject: { display: 'a' },
    clinicalStatus,
  });
  const system = 'http://terminology.hl7.org/CodeSystem/condition-clinical';
  expect(findings(condition({ coding: [{ code: 'other' }, { system, code: 'active' }] }))).toEqual([]);
  for (const wrong of [{ text: 'active' }, { coding: [{ system, code: 'actively' }] }, { coding: [{ code: 'active' }] }])
    expect(findings(condition(wrong))).toEqual([
      expect.objectContaining({ severity: 'error', code: 'code-invalid', expression: 'Condition.clinicalStatus' }),
    ]);
});

test('what is contained contains nothing', () => {
  const nested = { resourceType: 'Group', id: 'a', contained: [{ resourceType: 'Group', id: 'b' }] };
  const rules = findings(patient({ contained: [nested] })).map(({ diagnostics, expression }) => [
    diagnostics.split(':')[0],
    expression,
  ]);
  expect(rules).toContainEqual(['Patient breaks the rule dom-2', 'Patient']);
});

test('every rule can be run', () => {
  const { types } = JSON.parse(readFileSync('dist/definitions/rules.json', 'utf8')) as CompiledRules;
  const rules = new Set(
    Object.keys(types).flatMap((type) => {
      const { invariants, elements } = officialRules().of(type);
      return [...invariants, ...[...elements.values()].flatMap((element) => element.invariants)].map(
        (rule) => [type, rule] as const,
      );
    }),
  );
  expect(rules.size).toBeGreaterThan(240);
  const scope = { resource: patient() as never, root: patient() as never };
  for (const [type, rule] of rules) expect(() => run(rule, {}, type, scope)).not.toThrow();
});
