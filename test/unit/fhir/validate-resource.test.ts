import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseJson } from '../../../src/fhir/json-text.js';
import { validateResource } from '../../../src/fhir/validate-resource.js';

const observation = { resourceType: 'Observation', status: 'final', code: { text: 'Weight' } };
const subscription = {
  resourceType: 'Subscription',
  status: 'requested',
  reason: 'test',
  criteria: 'Observation?code=1',
  channel: { type: 'rest-hook' },
};

test.each<[string, object]>([
  ['the smallest resource', { resourceType: 'Patient' }],
  ['a plain Observation', observation],
  ['a choice', { ...observation, valueQuantity: { value: 1, unit: 'kg' } }],
  ['a choice with an extension beside it', { ...observation, valueString: 'x', _valueString: { id: 'a' } }],
  [
    'a mandatory primitive of which only the reason for its absence is known',
    { resourceType: 'Observation', _status: { extension: [{ url: 'http://x', valueCode: 'unknown' }] }, code: { text: 'x' } },
  ],
  [
    'nulls that keep places in lists of primitives',
    { resourceType: 'Patient', name: [{ given: ['A', null], _given: [null, { id: 'x' }] }] },
  ],
  [
    'extensions in extensions',
    { ...observation, extension: [{ url: 'http://x', extension: [{ url: 'y', valueDecimal: 1.5 }] }] },
  ],
  [
    'content borrowed from another element',
    { ...observation, component: [{ code: { text: 'x' }, referenceRange: [{ text: 'low' }] }] },
  ],
  [
    'a modifier extension on a resource the hub only keeps',
    { ...observation, modifierExtension: [{ url: 'http://x', valueBoolean: true }] },
  ],
  ['contained resources', { ...observation, contained: [{ resourceType: 'Patient', id: 'p', birthDate: '2020' }] }],
  [
    'a Bundle',
    {
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [{ resource: observation, request: { method: 'POST', url: 'Observation' } }],
    },
  ],
  [
    'Parameters',
    {
      resourceType: 'Parameters',
      parameter: [
        { name: 'resource', resource: observation },
        { name: 'p', part: [{ name: 'q', valueUri: 'x' }] },
      ],
    },
  ],
  [
    'a SubscriptionStatus',
    { resourceType: 'SubscriptionStatus', type: 'handshake', subscription: { reference: 'Subscription/1' } },
  ],
  ['an OperationOutcome', { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'invalid' }] }],
  ['a Subscription', subscription],
])('takes %s', (_, resource) => {
  expect(validateResource(resource)).toEqual([]);
});

test.each<[string, unknown, string, string, RegExp]>([
  ['no resource at all', 'x', 'structure', 'body', /must be a resource/],
  ['no resourceType', {}, 'structure', 'resourceType', /is missing/],
  ['a resourceType that is no text', { resourceType: 5 }, 'structure', 'resourceType', /name of a resource type but is 5/],
  [
    'an unknown resourceType',
    { resourceType: 'Patiant' },
    'structure',
    'resourceType',
    /"Patiant" is not a resource type.*did you mean Patient/,
  ],
  ['an abstract resourceType', { resourceType: 'DomainResource' }, 'structure', 'resourceType', /not a resource type/],
  ['a data type as resourceType', { resourceType: 'Quantity' }, 'structure', 'resourceType', /not a resource type/],
  [
    'a name of Object.prototype as resourceType',
    { resourceType: 'constructor' },
    'structure',
    'resourceType',
    /not a resource type/,
  ],
  [
    'an unknown element',
    { ...observation, stauts: 'final' },
    'structure',
    'Observation.stauts',
    /not an element of Observation; did you mean status/,
  ],
  [
    'an element in other letter case',
    { resourceType: 'Patient', BirthDate: '2020' },
    'structure',
    'Patient.BirthDate',
    /did you mean birthDate/,
  ],
  [
    'a choice without its type',
    { ...observation, value: 5 },
    'structure',
    'Observation.value',
    /write valueQuantity, valueCodeableConcept, valueString/,
  ],
  [
    'a choice of a type it does not have',
    { ...observation, valueAddress: {} },
    'structure',
    'Observation.valueAddress',
    /not an element/,
  ],
  ['names of Object.prototype', { ...observation, constructor: 1 }, 'structure', 'Observation.constructor', /not an element/],
  [
    'resourceType inside an element',
    { ...observation, code: { resourceType: 'Patient', text: 'x' } },
    'structure',
    'Observation.code.resourceType',
    /not an element/,
  ],
  ['a name with odd letters', { ...observation, 'a b`\n': 1 }, 'structure', 'Observation.`a b\n`', /not an element/],
  [
    'two choices at once',
    { ...observation, valueString: 'x', valueInteger: 1 },
    'structure',
    'Observation.valueInteger',
    /may not stand beside valueString/,
  ],
  [
    'two choices, one only as extension',
    { ...observation, valueString: 'x', _valueCode: {} },
    'structure',
    'Observation.valueCode',
    /not an element/,
  ],
  [
    'two choices, both hidden',
    { ...observation, _valueString: { id: 'a' }, _valueInteger: { id: 'b' } },
    'structure',
    'Observation.valueInteger',
    /may not stand beside/,
  ],
  ['null', { ...observation, valueString: null }, 'structure', 'Observation.valueString', /must not be null/],
  ['null in a list', { ...observation, category: [null] }, 'structure', 'Observation.category[0]', /must not be null/],
  [
    'null in a list of primitives without its other half',
    { resourceType: 'Patient', name: [{ given: ['A', null] }] },
    'structure',
    'Patient.name[0].given[1]',
    /must not be null/,
  ],
  [
    'null in both lists',
    { resourceType: 'Patient', name: [{ given: [null], _given: [null] }] },
    'structure',
    'Patient.name[0].given[0]',
    /must not be null/,
  ],
  ['an empty text', { ...observation, valueString: '' }, 'value', 'Observation.valueString', /must not be empty/],
  ['an empty list', { ...observation, category: [] }, 'structure', 'Observation.category', /must not be an empty list/],
  ['an empty object', { ...observation, subject: {} }, 'structure', 'Observation.subject', /must not be an empty object/],
  ['a list where one value goes', { ...observation, status: ['final'] }, 'structure', 'Observation.status', /single value/],
  [
    'one value where a list goes',
    { ...observation, category: { text: 'x' } },
    'structure',
    'Observation.category',
    /must be a list/,
  ],
  [
    'an object where a text goes',
    { ...observation, status: {} },
    'value',
    'Observation.status',
    /must be a text in quotes, but is an object/,
  ],
  [
    'a text where an object goes',
    { ...observation, subject: 'Patient/1' },
    'structure',
    'Observation.subject',
    /must be an object in braces \(Reference\) but is "Patient\/1"/,
  ],
  ['a list in a list', { ...observation, category: [[{ text: 'x' }]] }, 'structure', 'Observation.category[0]', /but is a list/],
  [
    'a missing mandatory primitive',
    { resourceType: 'Observation', code: { text: 'x' } },
    'required',
    'Observation.status',
    /is missing: Observation must have it/,
  ],
  ['a missing mandatory element', { resourceType: 'Observation', status: 'final' }, 'required', 'Observation.code', /is missing/],
  [
    'a missing mandatory choice',
    { resourceType: 'MedicationRequest', status: 'active', intent: 'order', subject: { display: 'x' } },
    'required',
    'MedicationRequest.medication',
    /one of medicationCodeableConcept, medicationReference/,
  ],
  [
    'a missing element deep inside',
    { ...observation, component: [{ code: { text: 'a' } }, { valueQuantity: { value: 1 } }] },
    'required',
    'Observation.component[1].code',
    /Observation.component must have it/,
  ],
  [
    'a value of the wrong type deep inside',
    { ...observation, component: [{ code: { text: 'a' } }, { code: { text: 'a' }, valueQuantity: { value: '1' } }] },
    'value',
    'Observation.component[1].valueQuantity.value',
    /must be a number, without quotes, but is "1"/,
  ],
  [
    'a code that is not allowed',
    { ...observation, status: 'done' },
    'code-invalid',
    'Observation.status',
    /"done" is not one of its codes: registered, preliminary, final, amended, corrected/,
  ],
  [
    'a code in other letter case',
    { resourceType: 'Patient', gender: 'Male' },
    'code-invalid',
    'Patient.gender',
    /male, female, other, unknown/,
  ],
  [
    'a code of a long list',
    { resourceType: 'Bundle', type: 'batch', entry: [{ request: { method: 'post', url: 'x' } }] },
    'code-invalid',
    'Bundle.entry[0].request.method',
    /GET, HEAD, POST/,
  ],
  [
    'a day that does not exist',
    { ...observation, effectiveDateTime: '2023-02-30' },
    'value',
    'Observation.effectiveDateTime',
    /is a day that does not exist, but is "2023-02-30"/,
  ],
  ['an instant without zone', { ...observation, issued: '2023-02-28T10:00:00' }, 'value', 'Observation.issued', /zone/],
  ['base64 that is none', { resourceType: 'Binary', contentType: 'text/plain', data: 'a' }, 'value', 'Binary.data', /base64/],
  ['an id that is none', { resourceType: 'Patient', id: 'a b' }, 'value', 'Patient.id', /1 to 64/],
  [
    'an extension without url',
    { ...observation, extension: [{ valueString: 'x' }] },
    'required',
    'Observation.extension[0].url',
    /is missing/,
  ],
  [
    'a fault in an extension of a primitive',
    { ...observation, _status: { extension: [{ url: 'x', valueString: 5 }] } },
    'value',
    'Observation.status.extension[0].valueString',
    /must be a text/,
  ],
  [
    'a fault in a contained resource',
    { ...observation, contained: [{ resourceType: 'Patient', gender: 1 }] },
    'value',
    'Observation.contained[0].gender',
    /must be a text/,
  ],
  [
    'a contained resource without type',
    { ...observation, contained: [{ id: 'x' }] },
    'structure',
    'Observation.contained[0].resourceType',
    /is missing/,
  ],
  [
    'a fault in an entry',
    { resourceType: 'Bundle', type: 'batch', entry: [{ resource: { resourceType: 'Observation', code: { text: 'x' } } }] },
    'required',
    'Bundle.entry[0].resource.status',
    /Observation must have it/,
  ],
  [
    'a fault in a parameter',
    { resourceType: 'Parameters', parameter: [{ name: 'r', resource: { resourceType: 'Nope' } }] },
    'structure',
    'Parameters.parameter[0].resource.resourceType',
    /not a resource type/,
  ],
  [
    'a modifier extension on a Subscription',
    { ...subscription, modifierExtension: [{ url: 'http://x', valueBoolean: true }] },
    'business-rule',
    'Subscription.modifierExtension',
    /changes the meaning/,
  ],
  [
    'a modifier extension inside a Subscription',
    { ...subscription, channel: { type: 'rest-hook', modifierExtension: [{ url: 'http://x', valueBoolean: true }] } },
    'business-rule',
    'Subscription.channel.modifierExtension',
    /changes the meaning/,
  ],
  [
    'a modifier extension on a Subscription in a Bundle',
    {
      resourceType: 'Bundle',
      type: 'batch',
      entry: [{ resource: { ...subscription, modifierExtension: [{ url: 'http://x', valueBoolean: true }] } }],
    },
    'business-rule',
    'Bundle.entry[0].resource.modifierExtension',
    /changes the meaning/,
  ],
  [
    'a Subscription whose channel nobody knows',
    { ...subscription, channel: { type: 'pigeon' } },
    'code-invalid',
    'Subscription.channel.type',
    /rest-hook, websocket, email, sms, message/,
  ],
])('refuses %s and names the element', (_, resource, code, expression, diagnostics) => {
  const [issue] = validateResource(resource);
  expect(issue).toMatchObject({ code, diagnostics: expect.stringMatching(diagnostics) });
  expect(issue!.expression ?? 'body').toBe(expression);
});

test('says everything that is wrong at once', () => {
  const issues = validateResource({ ...observation, status: 'x', code: 'y', valueQuantity: { value: '1' }, issued: 'now' });
  expect(issues.map(({ expression }) => expression)).toEqual([
    'Observation.status',
    'Observation.code',
    'Observation.valueQuantity.value',
    'Observation.issued',
  ]);
});

test('says at most twenty things, each of them short, whatever it is given', () => {
  const long = 'x'.repeat(100_000);
  const names = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`${long}${index}`, long]));
  for (const hostile of [
    { ...observation, ...names },
    { ...observation, category: Array.from({ length: 10_000 }, () => long) },
    {
      resourceType: 'Bundle',
      type: 'batch',
      entry: Array.from({ length: 10_000 }, () => ({ resource: { resourceType: long } })),
    },
    { resourceType: 'Basic', code: { coding: Array.from({ length: 1_000 }, () => ({ [long]: null })) } },
  ]) {
    const issues = validateResource(hostile);
    expect(issues).toHaveLength(20);
    for (const { diagnostics, expression } of issues) expect(diagnostics.length + expression!.length).toBeLessThan(800);
  }
});

test('walks as deep as the reader lets anybody nest', () => {
  const deep = `{"resourceType":"Basic","code":{"text":"x"},"extension":[${'{"url":"u","extension":['.repeat(30)}{"url":"u","valueString":""}${']}'.repeat(30)}]}`;
  expect(validateResource(parseJson(deep).value)).toMatchObject([
    { code: 'value', expression: expect.stringMatching(/valueString$/) },
  ]);
});

test('never fails on what it is given, and finds nothing only in what is a resource', () => {
  const anything = fc.oneof(
    fc.jsonValue(),
    fc.record({
      resourceType: fc.constantFrom('Patient', 'Bundle', 'Parameters', 'Subscription'),
      entry: fc.jsonValue(),
      name: fc.jsonValue(),
      _birthDate: fc.jsonValue(),
    }),
  );
  fc.assert(
    fc.property(anything, (value) => {
      const issues = validateResource(value);
      expect(issues.length).toBeLessThanOrEqual(20);
      if (issues.length === 0) expect(value).toHaveProperty('resourceType');
    }),
  );
});
