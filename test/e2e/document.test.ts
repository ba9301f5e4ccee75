import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Bundle } from 'fhir/r4b.js';
import { validateResource } from '../../src/fhir/validate-resource.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { Client, type FaceName } from '../support/subscriber.js';

let hub: Hub;
const ref = (reference: string) => ({ reference });
const put = async (resource: { resourceType: string; id: string; [more: string]: unknown } | string) => {
  const { resourceType, id } = (typeof resource === 'string' ? JSON.parse(resource) : resource) as {
    resourceType: string;
    id: string;
  };
  expect([200, 201]).toContain((await new Client(hub).send('PUT', `${resourceType}/${id}`, resource)).status);
};
const composition = (id: string, more: object = {}) => ({
  resourceType: 'Composition',
  id,
  status: 'final',
  type: { text: 'a report' },
  date: '2026-03-01',
  title: id,
  subject: ref('Patient/p'),
  author: [ref('Practitioner/a')],
  ...more,
});

beforeAll(async () => {
  hub = await startHub();
  await put({ resourceType: 'Patient', id: 'p', generalPractitioner: [ref('Practitioner/b')] });
  await put({ resourceType: 'Practitioner', id: 'a', gender: 'male' });
  await put({ resourceType: 'Practitioner', id: 'a', gender: 'female' });
  await put({ resourceType: 'Practitioner', id: 'b' });
  await put('{"resourceType":"Observation","id":"o","status":"final","code":{"text":"é"},"valueQuantity":{"value":1.50e0}}');
  await put(composition('before'));
  await put({
    resourceType: 'Endpoint',
    id: 'e',
    status: 'off',
    connectionType: { code: 'x' },
    payloadType: [{ text: 'x' }],
    address: 'https://127.0.0.1/x',
    header: ['X-Key: s3cret'],
  });
  const { status } = await new Client(hub).send(
    'PUT',
    'Composition/c',
    composition('c', {
      contained: [{ resourceType: 'Organization', id: 'in', partOf: ref('#') }],
      author: [ref('Practitioner/a/_history/1'), ref('#in'), { display: 'somebody' }],
      attester: [{ mode: 'legal', party: ref(`${hub.url}/fhir/r4b/Practitioner/b`) }],
      relatesTo: [{ code: 'replaces', targetReference: ref('Composition/before') }],
      section: [
        {
          title: 's',
          entry: [ref('Observation/o'), ref('Patient/p'), ref('Endpoint/e')],
          section: [{ entry: [ref('Practitioner/a')], title: 't' }],
        },
      ],
    }),
  );
  expect(status).toBe(201);
});
afterAll(() => hub?.stop());

describe.each<FaceName>(['r4b', 'r4'])('documents in the face %s', (face) => {
  const client = () => new Client(hub, face);
  const base = () => `${hub.url}/fhir/${face}`;
  const store = async (bundle: object) => (await client().create(bundle, 'Bundle')).id as string;
  const countOf = async (type: string) => (await client().send('GET', `${type}?_summary=count`)).body.total as number;

  test('$document holds the Composition and all that it refers to, each once, digit by digit', async () => {
    const before = await countOf('Bundle');
    const { status, body, text } = await client().send('GET', 'Composition/c/$document');
    expect(status).toBe(200);
    expect(validateResource(body)).toEqual([]);
    const bundle = body as Bundle;
    expect(bundle).toMatchObject({
      type: 'document',
      identifier: { system: 'urn:ietf:rfc:3986', value: expect.stringMatching(/^urn:uuid:/) as unknown },
    });
    expect(bundle.timestamp).toMatch(/Z$/);
    expect(bundle.entry?.map(({ fullUrl, resource }) => [fullUrl?.slice(base().length + 1), resource?.meta?.versionId])).toEqual([
      ['Composition/c', '1'],
      ['Patient/p', '1'],
      ['Practitioner/a', '1'],
      ['Practitioner/b', '1'],
      ['Observation/o', '1'],
      ['Endpoint/e', '1'],
      ['Practitioner/a', '2'],
    ]);
    expect(text).toContain('"value":1.50e0');
    expect(text).not.toContain('s3cret');
    expect(await countOf('Bundle')).toBe(before);
  });

  test('with persist it is stored as the Bundle that Location names', async () => {
    const response = await fetch(`${base()}/Composition/c/$document?persist=true`, { method: 'POST' });
    expect(response.status).toBe(200);
    const text = await response.text();
    const location = response.headers.get('location')!;
    expect(location).toBe(`${base()}/Bundle/${(JSON.parse(text) as Bundle).id}/_history/1`);
    expect(await (await fetch(location)).text()).toBe(text);
  });

  test('what is not there is named', async () => {
    await put(
      composition('torn', {
        author: [ref('Practitioner/none'), ref('http://elsewhere.example/fhir/Practitioner/1')],
        section: [{ title: 's', entry: [ref('Observation/o'), ref('Observation/o/_history/7')] }],
      }),
    );
    const { status, body } = await client().send('GET', 'Composition/torn/$document');
    expect(status).toBe(422);
    expect(body.issue.map((issue: { expression: string[] }) => issue.expression[0])).toEqual([
      'Composition.author[0].reference',
      'Composition.author[1].reference',
      'Composition.section[0].entry[1].reference',
    ]);
  });

  test.each([
    ['Composition/never-there/$document', 404],
    ['Composition/c/$document?graph=http://example.org/g', 400],
    ['Composition/c/$document?persist=yes', 400],
    ['Composition/c/$document?persist=true', 405],
    ['Observation/o/$document', 404],
  ])('%s is refused', async (path, status) => expect((await client().send('GET', path)).status).toBe(status));

  const URN = 'urn:uuid:1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed';
  const foreign = (path: string) => `http://elsewhere.example/${face}/${path}`;
  /** As another system sends it: a urn, addresses of its own and one of ours. */
  const received = () => ({
    resourceType: 'Bundle',
    type: 'document',
    identifier: { system: 'urn:ietf:rfc:3986', value: URN },
    timestamp: '2026-03-01T10:00:00Z',
    entry: [
      {
        fullUrl: foreign('Composition/1'),
        resource: composition('1', {
          title: face,
          subject: ref('Patient/7'),
          author: [ref(`${base()}/Practitioner/a`)],
          section: [{ title: 's', entry: [ref(URN)] }],
        }),
      },
      { fullUrl: foreign('Patient/7'), resource: { resourceType: 'Patient', id: '7', gender: 'male', active: true } },
      { fullUrl: `${base()}/Practitioner/a`, resource: { resourceType: 'Practitioner', id: 'a', gender: 'other' } },
      {
        fullUrl: URN,
        resource: {
          resourceType: 'Observation',
          status: 'final',
          code: { text: face },
          subject: ref(foreign('Patient/7')),
          performer: [ref(foreign('Patient/7'))],
        },
      },
    ],
  });

  test('a document is stored whole, and unpacked on request', async () => {
    const id = await store(received());
    const stored = (await client().send('GET', `Bundle/${id}`)).body as Bundle;
    expect(stored.entry).toEqual(received().entry);
    expect((await client().send('GET', `Composition?title:exact=${face}`)).body.total).toBe(0);
    const { status, body } = await client().send('POST', `Bundle/${id}/$unpack`);
    expect({ status, issue: body.issue }).toEqual({ status: 200, issue: undefined });
    expect(validateResource(body)).toEqual([]);
    const answers = (body as Bundle).entry!.map(({ response }) => response!);
    expect(answers.map((answer) => answer.status)).toEqual([
      '201 Created',
      '201 Created',
      '200 OK',
      face === 'r4b' ? '201 Created' : '200 OK',
    ]);
    const [ofComposition, patient, practitioner, observation] = answers.map(({ location }) =>
      location!.slice(base().length + 1).replace(/\/_history.*/, ''),
    );
    expect(practitioner).toBe('Practitioner/a');
    expect(observation).toBe(`Observation/${URN.slice(9)}`);
    expect(patient).not.toBe('Patient/7');
    expect((await client().send('GET', 'Practitioner/a')).body.gender).toBe('female');
    expect((await client().send('GET', ofComposition!)).body).toMatchObject({
      subject: ref(patient!),
      section: [{ entry: [ref(observation!)] }],
    });
    expect((await client().send('GET', observation!)).body).toMatchObject({ subject: ref(patient!), performer: [ref(patient!)] });
    expect((await client().send('GET', `Observation?subject=${patient}`)).body.total).toBe(1);
    const document = (await client().send('GET', `${ofComposition}/$document`)).body as Bundle;
    expect(document.entry).toHaveLength(4);
  });

  test('unpacking again, or the same document received again, stores nothing new', async () => {
    const first = await store(received());
    const unpack = async (id: string) =>
      (await client().send('POST', `Bundle/${id}/$unpack`)).body.entry.map(
        ({ response }: { response: { location: string } }) => response.location,
      );
    const once = await unpack(first);
    const count = await countOf('Patient');
    expect(await unpack(first)).toEqual(once);
    expect(await unpack(await store(received()))).toEqual(once);
    expect(await countOf('Patient')).toBe(count);
  });

  test('a document of the hub itself changes nothing that is newer', async () => {
    const { id } = (await client().send('POST', 'Composition/c/$document?persist=true')).body;
    const bundle = (await client().send('GET', `Bundle/${id}`)).body as Bundle;
    const { body } = await client().send('POST', `Bundle/${id}/$unpack`);
    expect(body.entry).toHaveLength(bundle.entry!.length);
    expect((await client().send('GET', 'Practitioner/a')).body).toMatchObject({ gender: 'female', meta: { versionId: '2' } });
  });

  test('all of it or nothing, naming the entry', async () => {
    const bundle = received();
    bundle.entry.push({
      fullUrl: foreign('Subscription/1'),
      resource: {
        resourceType: 'Subscription',
        status: 'requested',
        reason: 'x',
        criteria: 'Nonsense?',
        channel: { type: 'rest-hook', endpoint: 'http://127.0.0.1:9' },
      } as never,
    });
    bundle.entry[1]!.fullUrl = foreign('Patient/never');
    const count = await countOf('Patient');
    const { status, body } = await client().send('POST', `Bundle/${await store(bundle)}/$unpack`);
    expect(status).toBe(422);
    expect(body.issue[0].expression[0]).toMatch(/^Bundle\.entry\[4\]/);
    expect(await countOf('Patient')).toBe(count);
  });

  test('only a document is unpacked', async () => {
    const { status, body } = await client().send(
      'POST',
      `Bundle/${await store({ resourceType: 'Bundle', type: 'collection' })}/$unpack`,
    );
    expect({ status, expression: body.issue[0].expression }).toEqual({ status: 422, expression: ['Bundle.type'] });
    expect((await client().send('POST', 'Bundle/never-there/$unpack')).status).toBe(404);
  });

  test('metadata says so', async () => {
    const { body } = await client().send('GET', 'metadata');
    const named = (type: string) =>
      body.rest[0].resource
        .find((one: { type: string }) => one.type === type)
        .operation.map(({ name }: { name: string }) => name);
    expect(named('Composition')).toContain('document');
    expect(named('Bundle')).toContain('unpack');
    expect(
      (await client().send('GET', 'OperationDefinition?url=https://carillon.example/fhir/OperationDefinition/bundle-unpack')).body
        .total,
    ).toBe(1);
  });
});
