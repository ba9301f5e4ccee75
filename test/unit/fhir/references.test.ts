import { expect, test } from '@jest/globals';
import { parseExact, stringifyExact } from '../../../src/fhir/exact-json.js';
import { type AddressKind, isFhirId, parseReference, rewriteReferences } from '../../../src/fhir/references.js';

const BASES = ['http://hub.example/fhir/r4b', 'http://hub.example/fhir/r4'];

test.each<[string, object]>([
  ['Patient/1', { kind: 'local', type: 'Patient', id: '1' }],
  ['Patient/1/_history/3', { kind: 'local', type: 'Patient', id: '1', version: '3' }],
  ['http://hub.example/fhir/r4b/Patient/1', { kind: 'local', type: 'Patient', id: '1' }],
  ['http://hub.example/fhir/r4/Patient/1/_history/2', { kind: 'local', type: 'Patient', id: '1', version: '2' }],
  ['http://hub.example/fhir/r4bx/Patient/1', { kind: 'foreign', url: 'http://hub.example/fhir/r4bx/Patient/1' }],
  ['https://other.example/fhir/Patient/1', { kind: 'foreign', url: 'https://other.example/fhir/Patient/1' }],
  ['http://hub.example/fhir/r4b/ValueSet/a/b', { kind: 'foreign', url: 'http://hub.example/fhir/r4b/ValueSet/a/b' }],
  ['urn:uuid:c757873d-ec9a-4326-a141-556f43239520', { kind: 'urn', urn: 'urn:uuid:c757873d-ec9a-4326-a141-556f43239520' }],
  ['urn:oid:1.2.3', { kind: 'urn', urn: 'urn:oid:1.2.3' }],
  ['#p1', { kind: 'contained', id: 'p1' }],
  ['#', { kind: 'contained', id: '' }],
  ['Patient?identifier=http://x|1', { kind: 'conditional', type: 'Patient', query: 'identifier=http://x|1' }],
  ['http://hub.example/fhir/r4b/Patient?name=x', { kind: 'conditional', type: 'Patient', query: 'name=x' }],
  ['Patiant/1', { kind: 'other', text: 'Patiant/1' }],
  ['patient/1', { kind: 'other', text: 'patient/1' }],
  ['/Patient/1', { kind: 'other', text: '/Patient/1' }],
  ['Patient/', { kind: 'other', text: 'Patient/' }],
  ['Patient/a b', { kind: 'other', text: 'Patient/a b' }],
  ['Patient/1/', { kind: 'other', text: 'Patient/1/' }],
  ['Patient/1/_history', { kind: 'other', text: 'Patient/1/_history' }],
  ['Patient/1/_history/', { kind: 'other', text: 'Patient/1/_history/' }],
  ['Patient/1/Observation/2', { kind: 'other', text: 'Patient/1/Observation/2' }],
  ['constructor/1', { kind: 'other', text: 'constructor/1' }],
  ['Patient/../Observation', { kind: 'other', text: 'Patient/../Observation' }],
  ['', { kind: 'other', text: '' }],
])('reads %j', (text, expected) => {
  expect(parseReference(text, BASES)).toEqual(expected);
});

test('an id has 1 to 64 letters, digits, hyphens and points', () => {
  expect(['a', 'A-1.b', 'x'.repeat(64)].every(isFhirId)).toBe(true);
  expect(['', 'x'.repeat(65), 'a_b', 'a/b', 'a b', 'a\n', 'ä', 5, undefined, null].some(isFhirId)).toBe(false);
});

const OLD = 'urn:uuid:c757873d-ec9a-4326-a141-556f43239520';
const toNew = (_kind: AddressKind, text: string) => (text === OLD ? 'Patient/1' : undefined);

function rewritten(resource: { resourceType: string }): unknown {
  const copy = structuredClone(resource);
  rewriteReferences(copy, resource.resourceType, toNew);
  return copy;
}

test.each<[string, object]>([
  ['a reference', { resourceType: 'Observation', subject: { reference: OLD } }],
  ['references in a list', { resourceType: 'Observation', performer: [{ reference: 'Practitioner/2' }, { reference: OLD }] }],
  [
    'a reference in a nested extension',
    { resourceType: 'Basic', extension: [{ url: 'u', extension: [{ url: 'v', valueReference: { reference: OLD } }] }] },
  ],
  ['a uri in an extension', { resourceType: 'Basic', extension: [{ url: 'u', valueUri: OLD }] }],
  ['a url in an extension', { resourceType: 'Basic', extension: [{ url: 'u', valueUrl: OLD }] }],
  ['a canonical in an extension', { resourceType: 'Basic', extension: [{ url: 'u', valueCanonical: OLD }] }],
  ['a uuid in an extension', { resourceType: 'Basic', extension: [{ url: 'u', valueUuid: OLD }] }],
  ['an oid in an extension', { resourceType: 'Basic', extension: [{ url: 'u', valueOid: OLD }] }],
  [
    'an extension of a primitive',
    { resourceType: 'Patient', _birthDate: { extension: [{ url: 'u', valueReference: { reference: OLD } }] } },
  ],
  [
    'an extension of a primitive in a list',
    { resourceType: 'Patient', name: [{ given: ['a', null], _given: [null, { extension: [{ url: 'u', valueUri: OLD }] }] }] },
  ],
  ['a list of canonicals', { resourceType: 'ServiceRequest', instantiatesCanonical: ['http://x', OLD] }],
  ['a uri element', { resourceType: 'ServiceRequest', instantiatesUri: [OLD] }],
  ['an attachment', { resourceType: 'DocumentReference', content: [{ attachment: { url: OLD } }] }],
  [
    'a contained resource',
    { resourceType: 'Observation', contained: [{ resourceType: 'Specimen', subject: { reference: OLD } }] },
  ],
  [
    'an entry of a Bundle',
    { resourceType: 'Bundle', entry: [{ fullUrl: OLD, resource: { resourceType: 'Observation', subject: { reference: OLD } } }] },
  ],
  [
    'a parameter',
    { resourceType: 'Parameters', parameter: [{ name: 'x', part: [{ name: 'y', valueReference: { reference: OLD } }] }] },
  ],
  [
    'a narrative link',
    {
      resourceType: 'Patient',
      text: { status: 'generated', div: `<div><a class="x" href="${OLD}">a</a><img alt='>' src = '${OLD}'/></div>` },
    },
  ],
  [
    'content borrowed from another element',
    { resourceType: 'Questionnaire', item: [{ linkId: '1', item: [{ linkId: '2', definition: OLD }] }] },
  ],
])('rewrites %s', (_, resource) => {
  const text = JSON.stringify(resource);
  expect(JSON.stringify(rewritten(resource as { resourceType: string }))).toBe(text.replaceAll(OLD, 'Patient/1'));
});

test.each<[string, object]>([
  ['the value of an identifier', { resourceType: 'Patient', identifier: [{ value: OLD }] }],
  ['the display of a reference', { resourceType: 'Observation', subject: { display: OLD } }],
  ['a string', { resourceType: 'Basic', extension: [{ url: 'u', valueString: OLD }] }],
  ['markdown', { resourceType: 'Observation', note: [{ text: OLD }] }],
  ['a code', { resourceType: 'Basic', code: { coding: [{ code: OLD }] } }],
  [
    'the text and other attributes of a narrative',
    {
      resourceType: 'Patient',
      text: { status: 'generated', div: `<div title="${OLD}">${OLD} href="${OLD}" <b id=' href="${OLD}"'>${OLD}</b></div>` },
    },
  ],
  ['a part of an address', { resourceType: 'Observation', subject: { reference: `${OLD}/x` } }],
  ['an unknown element', { resourceType: 'Observation', oops: { reference: OLD } }],
])('leaves %s', (_, resource) => {
  expect(rewritten(resource as { resourceType: string })).toEqual(resource);
});

test('tells the kind of every address it visits', () => {
  const visited: [AddressKind, string][] = [];
  rewriteReferences(
    {
      resourceType: 'Observation',
      meta: { profile: ['http://p'], source: 'http://s' },
      text: { status: 'generated', div: '<div><a href="a?b=1&amp;c=2">x</a></div>' },
      code: { coding: [{ system: 'http://c' }] },
      subject: { reference: 'Patient/1', type: 'Patient' },
      valueAttachment: { url: 'not-an-element' },
    },
    'Observation',
    (kind, text) => {
      visited.push([kind, text]);
      return undefined;
    },
  );
  expect(visited).toEqual([
    ['canonical', 'http://p'],
    ['uri', 'http://s'],
    ['xhtml', 'a?b=1&c=2'],
    ['uri', 'http://c'],
    ['reference', 'Patient/1'],
    ['uri', 'Patient'],
  ]);
});

test('escapes what it puts into a narrative', () => {
  const patient = { resourceType: 'Patient', text: { div: '<div><a href="x">y</a></div>' } };
  rewriteReferences(patient, 'Patient', () => `a"b'c&d<e`);
  expect(patient.text.div).toBe('<div><a href="a&quot;b&#39;c&amp;d&lt;e">y</a></div>');
});

test('keeps every digit and says whether anything changed', () => {
  const text = `{"resourceType":"Observation","valueQuantity":{"value":1.00},"subject":{"reference":"${OLD}"}}`;
  const resource = parseExact(text);
  expect(rewriteReferences(resource, 'Observation', () => undefined)).toBe(false);
  expect(rewriteReferences(resource, 'Observation', toNew)).toBe(true);
  expect(stringifyExact(resource)).toBe(text.replace(OLD, 'Patient/1'));
});

test('reads a large hostile narrative in time linear to its size', () => {
  for (const piece of ['<a "', "<a href='", '< href=', ' href = ', '<a href="x"', '<<<', '"\'>']) {
    rewriteReferences({ resourceType: 'Patient', text: { div: `<div>${piece.repeat(1_000_000)}` } }, 'Patient', () => 'y');
  }
});
