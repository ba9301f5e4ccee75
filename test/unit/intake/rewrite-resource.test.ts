import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseExact, stringifyExact } from '../../../src/fhir/exact-json.js';
import { rewriteReferences } from '../../../src/fhir/references.js';
import { EntryAddresses } from '../../../src/intake/bundle/entry-addresses.js';
import { rewriteResource } from '../../../src/intake/bundle/rewrite-resource.js';

const URN = 'urn:uuid:1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed';
const OTHER = 'urn:uuid:2b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed';
const ABSOLUTE = 'http://source.example/fhir/Patient/7';

function addresses(): EntryAddresses {
  const found = new EntryAddresses();
  found.add(URN, 'Patient/new', true);
  found.add(OTHER, 'Organization/o', false);
  found.add(ABSOLUTE, 'Patient/seven', true);
  return found;
}

function rewritten(resource: Record<string, unknown> | string, fullUrl?: string): unknown {
  const text = typeof resource === 'string' ? resource : JSON.stringify(resource);
  const value = JSON.parse(text) as Record<string, unknown>;
  const result = rewriteResource({ text, value }, value['resourceType'] as string, (kind, address) =>
    addresses().map(kind, address, fullUrl),
  );
  expect(JSON.parse(result.text)).toEqual(result.value);
  return typeof resource === 'string' ? result.text : result.value;
}

describe('a resource of a transaction gets the addresses of the others', () => {
  test('in references, wherever they stand', () => {
    expect(
      rewritten({
        resourceType: 'Observation',
        subject: { reference: URN },
        performer: [{ reference: OTHER }, { reference: URN }],
        extension: [{ url: 'http://x', extension: [{ url: 'a', valueReference: { reference: URN } }] }],
        contained: [{ resourceType: 'Specimen', subject: { reference: URN } }],
      }),
    ).toEqual({
      resourceType: 'Observation',
      subject: { reference: 'Patient/new' },
      performer: [{ reference: 'Organization/o' }, { reference: 'Patient/new' }],
      extension: [{ url: 'http://x', extension: [{ url: 'a', valueReference: { reference: 'Patient/new' } }] }],
      contained: [{ resourceType: 'Specimen', subject: { reference: 'Patient/new' } }],
    });
  });

  test('in uri, url and canonical values, with their version or fragment', () => {
    expect(
      rewritten({
        resourceType: 'PlanDefinition',
        library: [`${URN}|2.0`, `${OTHER}#part`],
        action: [{ definitionCanonical: URN, extension: [{ url: 'http://x', valueUri: `${URN}#part` }] }],
        relatedArtifact: [{ type: 'citation', url: OTHER }],
      }),
    ).toEqual({
      resourceType: 'PlanDefinition',
      library: ['Patient/new|2.0', 'Organization/o#part'],
      action: [{ definitionCanonical: 'Patient/new', extension: [{ url: 'http://x', valueUri: 'Patient/new#part' }] }],
      relatedArtifact: [{ type: 'citation', url: 'Organization/o' }],
    });
  });

  test('in the links of a narrative', () => {
    const div = (a: string, b: string) =>
      `<div xmlns="http://www.w3.org/1999/xhtml"><a href="${a}">${URN}</a><img src='${b}'/></div>`;
    expect(rewritten({ resourceType: 'Patient', text: { status: 'generated', div: div(URN, `${URN}#x`) } })).toEqual({
      resourceType: 'Patient',
      text: { status: 'generated', div: div('Patient/new', 'Patient/new#x') },
    });
  });

  test('but never in the value of an identifier or in plain text', () => {
    const resource = {
      resourceType: 'Observation',
      identifier: [{ system: 'urn:ietf:rfc:3986', value: URN }],
      subject: { reference: URN, display: URN },
      note: [{ text: `see ${URN}` }],
    };
    expect(rewritten(resource)).toEqual({ ...resource, subject: { reference: 'Patient/new', display: URN } });
  });

  test('with every digit kept, on the quick way and on the exact one', () => {
    const quick = `{"resourceType":"Observation","valueQuantity":{"value":1.00},"subject":{"reference":"${URN}"}}`;
    expect(rewritten(quick)).toBe(quick.replace(URN, 'Patient/new'));
    const exact = `{"resourceType":"Observation","valueQuantity":{"value":1.00},"subject":{"reference":"${URN}","display":"${URN}"}}`;
    expect(rewritten(exact)).toBe(exact.replace(URN, 'Patient/new'));
  });

  test('also where the address is written with escapes', () => {
    const text = `{"resourceType":"Observation","subject":{"reference":"http:\\/\\/source.example/fhir/Patient/7"}}`;
    expect(rewritten(text)).toBe('{"resourceType":"Observation","subject":{"reference":"Patient/seven"}}');
  });

  test('relative ones read against the base of their own fullUrl', () => {
    const relative = { resourceType: 'Observation', subject: { reference: 'Patient/7' } };
    expect(rewritten(relative, 'http://source.example/fhir/Observation/1')).toEqual({
      ...relative,
      subject: { reference: 'Patient/seven' },
    });
    expect(rewritten(relative, 'http://other.example/fhir/Observation/1')).toEqual(relative);
    expect(rewritten(relative, 'urn:uuid:0')).toEqual(relative);
  });

  test('in the relative url of an attachment', () => {
    const found = addresses();
    found.add('http://source.example/fhir/Binary/b', 'Binary/new', true);
    const map = (text: string, fullUrl: string) => found.map('url', text, fullUrl);
    expect(map('Binary/b', 'http://source.example/fhir/DocumentReference/d')).toBe('Binary/new');
    expect(map('Binary/b', 'http://other.example/fhir/DocumentReference/d')).toBeUndefined();
    expect(found.map('uri', 'Binary/b', 'http://source.example/fhir/DocumentReference/d')).toBeUndefined();
  });

  test('of many others, in time linear to their number', () => {
    const found = new EntryAddresses();
    const urn = (at: number) => `urn:uuid:${String(at).padStart(8, '0')}-bbfd-4b2d-9b5d-ab8dfbbd4bed`;
    const all = Array.from({ length: 20_000 }, (_, at) => at);
    for (const at of all) found.add(urn(at), `Patient/${at}`, true);
    const list = { resourceType: 'List', entry: all.map((at) => ({ item: { reference: urn(at) } })) };
    const text = JSON.stringify(list);
    const result = rewriteResource({ text, value: list }, 'List', (kind, address) => found.map(kind, address, undefined));
    expect(result.text).toBe(text.replace(/urn:uuid:0*(\d+)-[^"]*/g, 'Patient/$1'));
  });

  test('a reference to one version stays one', () => {
    expect(rewritten({ resourceType: 'Observation', subject: { reference: `${ABSOLUTE}/_history/4` } })).toEqual({
      resourceType: 'Observation',
      subject: { reference: 'Patient/seven/_history/1' },
    });
  });

  test('but a canonical URL stays what it is, also where it is the fullUrl', () => {
    const url = 'http://source.example/fhir/ValueSet/v';
    const found = new EntryAddresses();
    found.add(url, 'ValueSet/new', true, true);
    found.add(ABSOLUTE, 'Patient/7', false);
    const resource = { resourceType: 'ValueSet', url, compose: { include: [{ valueSet: [`${url}|1`] }] } };
    expect(
      rewriteResource({ text: JSON.stringify(resource), value: structuredClone(resource) }, 'ValueSet', (kind, text) =>
        found.map(kind, text, undefined),
      ).value,
    ).toEqual(resource);
    expect(found.map('reference', url, undefined)).toBe('ValueSet/new');
    expect(found.map('uri', ABSOLUTE, undefined)).toBeUndefined();
    expect(found.map('reference', ABSOLUTE, undefined)).toBe('Patient/7');
  });

  test('and the quick way says the same as the exact one', () => {
    const address = fc.constantFrom(URN, OTHER, ABSOLUTE, 'Patient/1', 'plain', 'with "quotes"', 'Patient/new');
    fc.assert(
      fc.property(fc.array(fc.tuple(address, address), { maxLength: 6 }), (pairs) => {
        const text = JSON.stringify({
          resourceType: 'Observation',
          performer: pairs.map(([reference, display]) => ({ reference, display })),
          instantiatesUri: undefined,
        });
        const map = (kind: Parameters<EntryAddresses['map']>[0], old: string) => addresses().map(kind, old, undefined);
        const exact = parseExact(text);
        rewriteReferences(exact, 'Observation', map);
        expect(rewriteResource({ text, value: JSON.parse(text) as Record<string, unknown> }, 'Observation', map).text).toBe(
          stringifyExact(exact),
        );
      }),
    );
  });
});
