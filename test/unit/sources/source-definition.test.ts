import { describe, expect, test } from '@jest/globals';
import { FhirError } from '../../../src/fhir/fhir-error.js';
import { EndpointRule } from '../../../src/sources/endpoint.rule.js';
import { readSource, SOURCE_POLL } from '../../../src/sources/source-definition.js';
import { MemorySourceStore } from '../../support/twins/memory-source-store.js';

type Part = { url: string } & Record<string, unknown>;

const MODE = { url: 'mode', valueCode: 'history' };
const PREFIX = { url: 'idPrefix', valueString: 'lab-' };

function endpoint(parts: Part[] = [MODE, PREFIX], changed: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    ...{ resourceType: 'Endpoint', status: 'active', address: 'https://lab.example/fhir/' },
    extension: [
      { url: 'http://elsewhere.example', valueString: 'x' },
      { url: SOURCE_POLL, extension: parts },
    ],
    ...changed,
  };
}

function refusal(resource: Record<string, unknown>): { status: number; expression: string | undefined } {
  try {
    readSource(resource, 'lab', 1);
  } catch (error) {
    if (error instanceof FhirError) return { status: error.status, expression: error.issues[0]?.expression };
  }
  throw new Error('nothing was refused');
}

describe('an Endpoint that is a source', () => {
  test('is read with its defaults', () => {
    expect(readSource(endpoint(), 'lab', 3)).toEqual({
      ...{ endpointId: 'lab', version: 3, address: 'https://lab.example/fhir', active: true, intervalSeconds: 60, types: [] },
      ...{ idPrefix: 'lab-', overlapSeconds: 120, pageSize: 500, headers: [] },
    });
  });

  test('is read with everything said', () => {
    const parts = [
      ...[MODE, PREFIX, { url: 'intervalSeconds', valuePositiveInt: 5 }, { url: 'overlapSeconds', valueUnsignedInt: 0 }],
      ...[
        { url: 'pageSize', valuePositiveInt: 50 },
        { url: 'type', valueCode: 'Patient' },
        { url: 'type', valueCode: 'Encounter' },
      ],
    ];
    expect(readSource(endpoint(parts, { status: 'off', header: ['Authorization: Bearer a:b'] }), 'lab', 1)).toMatchObject({
      ...{ active: false, intervalSeconds: 5, overlapSeconds: 0, pageSize: 50, types: ['Encounter', 'Patient'] },
      headers: [['Authorization', 'Bearer a:b']],
    });
  });

  test('without the extension is no source', () => {
    expect(readSource({ resourceType: 'Endpoint', address: 'mailto:x' }, 'x', 1)).toBeUndefined();
  });

  const at = 'Endpoint.extension[1]';
  test.each<[string, Record<string, unknown>, string]>([
    ['no mode', endpoint([PREFIX]), at],
    ['a mode to come', endpoint([{ url: 'mode', valueCode: 'export' }, PREFIX]), `${at}.extension[0].valueCode`],
    ['an unknown mode', endpoint([{ url: 'mode', valueCode: 'guess' }, PREFIX]), `${at}.extension[0].valueCode`],
    ['two modes', endpoint([MODE, PREFIX, MODE]), `${at}.extension[2].valueCode`],
    ['no prefix', endpoint([MODE]), at],
    [
      'a prefix that no id may have',
      endpoint([MODE, { url: 'idPrefix', valueString: 'lab/' }]),
      `${at}.extension[1].valueString`,
    ],
    ['a prefix too long', endpoint([MODE, { url: 'idPrefix', valueString: 'x'.repeat(21) }]), `${at}.extension[1].valueString`],
    ['a part without value', endpoint([MODE, { url: 'idPrefix' }]), `${at}.extension[1]`],
    ['an unknown part', endpoint([MODE, PREFIX, { url: 'speed', valueCode: 'x' }]), `${at}.extension[2].url`],
    [
      'an interval of nothing',
      endpoint([MODE, PREFIX, { url: 'intervalSeconds', valuePositiveInt: 0 }]),
      `${at}.extension[2].valuePositiveInt`,
    ],
    ['half a page', endpoint([MODE, PREFIX, { url: 'pageSize', valueDecimal: 0.5 }]), `${at}.extension[2].valueDecimal`],
    [
      'a number in words',
      endpoint([MODE, PREFIX, { url: 'overlapSeconds', valueString: '5' }]),
      `${at}.extension[2].valueString`,
    ],
    ['no resource type', endpoint([MODE, PREFIX, { url: 'type', valueCode: 'Unicorn' }]), `${at}.extension[2].valueCode`],
    ['no address', endpoint(undefined, { address: undefined }), 'Endpoint.address'],
    ['a relative address', endpoint(undefined, { address: '/fhir' }), 'Endpoint.address'],
    ['a file', endpoint(undefined, { address: 'file:///etc' }), 'Endpoint.address'],
    ['a query in the address', endpoint(undefined, { address: 'https://lab.example/fhir?x' }), 'Endpoint.address'],
    ['a password in the address', endpoint(undefined, { address: 'https://me:secret@lab.example' }), 'Endpoint.address'],
    ['a header without colon', endpoint(undefined, { header: ['Authorization'] }), 'Endpoint.header[0]'],
    ['a header that frames the request', endpoint(undefined, { header: ['A: b', 'Host: x'] }), 'Endpoint.header[1]'],
    ['two headers in one', endpoint(undefined, { header: ['A: b\r\nHost: x'] }), 'Endpoint.header[0]'],
    ['the extension twice', { ...endpoint(), extension: [{ url: SOURCE_POLL }, { url: SOURCE_POLL }] }, 'Endpoint.extension'],
    ['an extension without parts', { ...endpoint(), extension: [{ url: SOURCE_POLL }] }, 'Endpoint.extension[0]'],
  ])('is refused with %s', (_what, resource, expression) => {
    expect(refusal(resource)).toEqual({ status: 422, expression });
  });
});

describe('the rule for Endpoints', () => {
  const store = new MemorySourceStore();
  const rule = new EndpointRule(store, ['http://hub.example/fhir/r4b', 'http://hub.example/fhir/r4']);
  const apply = (resource: Record<string, unknown>, id: string) =>
    rule.apply({ text: JSON.stringify(resource), value: resource }, id);

  test('refuses the hub itself as a source', async () => {
    await expect(apply(endpoint(undefined, { address: 'http://hub.example/fhir/r4/' }), 'x')).rejects.toMatchObject({
      status: 422,
    });
  });

  test('refuses a prefix whose ids could meet those of another source, but lets a source keep its own', async () => {
    store.put('lab', 1, endpoint());
    const withPrefix = (valueString: string) => endpoint([MODE, { url: 'idPrefix', valueString }]);
    await expect(apply(withPrefix('lab-2-'), 'x')).rejects.toMatchObject({ status: 422 });
    await expect(apply(withPrefix('l'), 'x')).rejects.toMatchObject({ status: 422 });
    await expect(apply(withPrefix('ward-'), 'x')).resolves.toBeDefined();
    await expect(apply(withPrefix('lab-2-'), 'lab')).resolves.toBeDefined();
  });

  test('refuses what would let a source overwrite an Endpoint that steers the hub', async () => {
    store.put('lab', 1, endpoint());
    const withPrefix = (valueString: string) => endpoint([MODE, { url: 'idPrefix', valueString }]);
    await expect(apply(withPrefix('ward-'), 'lab-ward')).rejects.toMatchObject({
      status: 422,
      issues: [{ expression: 'Endpoint.id' }],
    });
    await expect(apply(withPrefix('ward-'), 'ward-main')).rejects.toMatchObject({
      status: 422,
      issues: [{ expression: 'Endpoint.id' }],
    });
    store.put('ward-main', 1, withPrefix('main-'));
    await expect(apply(withPrefix('ward-'), 'ward')).rejects.toMatchObject({
      status: 422,
      issues: [{ expression: 'Endpoint.id' }],
    });
    store.remove('ward-main');
  });

  test('leaves Endpoints that are no sources alone', async () => {
    const plain = { resourceType: 'Endpoint', address: 'anything' };
    await expect(apply(plain, 'x')).resolves.toMatchObject({ value: plain });
  });
});
