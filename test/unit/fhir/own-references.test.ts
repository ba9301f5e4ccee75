import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ownReferences } from '../../../src/fhir/own-references.js';

const BASES = ['http://hub.example/fhir/r4b', 'http://hub.example/fhir/r4'];

const id = fc.stringMatching(/^[A-Za-z0-9.-]{1,64}$/);
const type = fc.constantFrom('Patient', 'Practitioner', 'Organization', 'Binary', 'SubscriptionTopic');
const target = fc.record({ type, id, version: fc.option(fc.nat(99).map(String), { nil: undefined }) });
const own = fc.tuple(target, fc.constantFrom('', `${BASES[0]}/`, `${BASES[1]}/`)).map(([to, base]) => ({
  text: `${base}${to.type}/${to.id}${to.version === undefined ? '' : `/_history/${to.version}`}`,
  to: to.version === undefined ? { type: to.type, id: to.id } : to,
}));
const foreign = fc
  .oneof(
    id.map((name) => `#${name}`),
    fc.uuid().map((uuid) => `urn:uuid:${uuid}`),
    fc.tuple(type, id).map(([to, name]) => `https://other.example/fhir/${to}/${name}`),
    fc.tuple(type, id).map(([to, name]) => `${to}?identifier=${name}`),
    fc.constantFrom('Patient', 'patient/1', 'http://hub.example/fhir/r4bx/Patient/1', 'Patient/1/Observation/2'),
  )
  .map((text) => ({ text, to: undefined }));
const reference = fc.oneof(own, foreign);

/** Ways in which an Observation may hold a reference; each gives where it then stands. */
const PLACES: ((resource: Content, reference: string) => string)[] = [
  (resource, text) => {
    resource.subject = { reference: text };
    return 'Observation.subject.reference';
  },
  (resource, text) => `Observation.performer[${(resource.performer ??= []).push({ reference: text }) - 1}].reference`,
  (resource, text) => {
    const at = (resource.extension ??= []).push({
      url: 'http://a',
      extension: [{ url: 'b', valueReference: { reference: text } }],
    });
    return `Observation.extension[${at - 1}].extension[0].valueReference.reference`;
  },
  (resource, text) => {
    const at = (resource.contained ??= []).push({
      resourceType: 'Provenance',
      target: [{ reference: '#' }, { reference: text }],
    });
    return `Observation.contained[${at - 1}].target[1].reference`;
  },
  (resource, text) => {
    resource._status = { extension: [{ url: 'http://a', valueReference: { reference: text } }] };
    return 'Observation.status.extension[0].valueReference.reference';
  },
];

interface Content {
  subject?: object;
  performer?: object[];
  extension?: object[];
  contained?: object[];
  _status?: object;
  [name: string]: unknown;
}

test('finds the references to resources of the hub, wherever they stand, and no others', () => {
  const held = fc.array(fc.record({ place: fc.nat(PLACES.length - 1), reference }), { maxLength: 8 });
  fc.assert(
    fc.property(held, (all) => {
      // A place for one reference holds the last that is put there.
      const single = new Set([0, 4]);
      const kept = all.filter(({ place }, at) => !single.has(place) || !all.slice(at + 1).some((later) => later.place === place));
      const resource: Content = { resourceType: 'Observation', status: 'final', code: { text: 'Patient/1' } };
      const expected = kept.flatMap(({ place, reference: { text, to } }) => {
        const expression = PLACES[place]!(resource, text);
        return to === undefined ? [] : [{ ...to, expression }];
      });
      const byPlace = (a: { expression: string }, b: { expression: string }) => (a.expression < b.expression ? -1 : 1);
      expect(ownReferences(resource, BASES).sort(byPlace)).toEqual(expected.sort(byPlace));
    }),
  );
});

test('a logical reference, an identifier and a canonical are no references to a resource', () => {
  const resource = {
    resourceType: 'Task',
    status: 'draft',
    intent: 'order',
    instantiatesCanonical: 'ActivityDefinition/1',
    instantiatesUri: 'Patient/1',
    for: { identifier: { value: 'Patient/1' }, type: 'Patient', display: 'Patient/1' },
    input: [{ type: { text: 'x' }, valueString: 'Patient/1' }],
  };
  expect(ownReferences(resource, BASES)).toEqual([]);
});

test('what stands in the resources of a Bundle is its own matter', () => {
  const entry = { fullUrl: 'https://other.example/fhir/Observation/1', resource: { resourceType: 'Observation' } };
  const bundle = {
    resourceType: 'Bundle',
    type: 'collection',
    identifier: { assigner: { reference: 'Organization/1' } },
    entry: [{ ...entry, resource: { ...entry.resource, subject: { reference: 'Patient/1' } } }],
  };
  expect(ownReferences(bundle, BASES)).toEqual([
    { type: 'Organization', id: '1', expression: 'Bundle.identifier.assigner.reference' },
  ]);
});
