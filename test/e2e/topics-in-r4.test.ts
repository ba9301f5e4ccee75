import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { validateResource } from '../../src/fhir/validate-resource.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { Client } from '../support/subscriber.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- tests look into any resource */

const CODE = 'http://hl7.org/fhir/fhir-types|SubscriptionTopic';
const XV5 = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.';
const TOPIC_CANONICAL =
  'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/capabilitystatement-subscriptiontopic-canonical';

let hub: Hub;
let r4: Client;
let r4b: Client;

beforeAll(async () => {
  hub = await startHub();
  r4 = new Client(hub, 'r4');
  r4b = new Client(hub, 'r4b');
});
afterAll(() => hub?.stop());

const topic = (id: string, more: object = {}) => ({
  resourceType: 'SubscriptionTopic',
  id,
  url: `http://example.org/topics/${id}`,
  version: '1.2',
  title: 'Finished encounters',
  status: 'active',
  resourceTrigger: [
    {
      description: 'Becomes finished',
      resource: 'Encounter',
      supportedInteraction: ['create', 'update'],
      queryCriteria: {
        previous: 'status:not=finished',
        resultForCreate: 'test-passes',
        current: 'status=finished',
        requireBoth: true,
      },
    },
  ],
  canFilterBy: [{ resource: 'Encounter', filterParameter: 'length', modifier: ['=', 'gt', 'in'] }],
  notificationShape: [{ resource: 'Encounter', include: ['Encounter:patient'] }],
  ...more,
});

const put = async (id: string, more?: object) => {
  const { status, body } = await r4b.send('PUT', `SubscriptionTopic/${id}`, topic(id, more));
  expect({ issue: body.issue, status: Math.floor(status / 100) }).toEqual({ issue: undefined, status: 2 });
};

const basicOf = (extensions: any[]) =>
  Object.fromEntries(extensions.map(({ url, ...rest }) => [url.replace(XV5, ''), Object.values(rest)[0]]));

describe('topics on plain R4', () => {
  test('are Basic resources of the same id and version, every element a cross-version extension', async () => {
    await put('shown');
    const { status, body } = await r4.send('GET', 'Basic/shown');
    const { headers } = await fetch(`${r4.base}/Basic/shown`);
    expect({ status, etag: headers.get('etag') }).toEqual({ status: 200, etag: 'W/"1"' });
    expect(validateResource(body)).toEqual([]);
    expect(body).toMatchObject({ resourceType: 'Basic', id: 'shown', meta: { versionId: '1' } });
    expect(body.code.coding).toEqual([{ system: 'http://hl7.org/fhir/fhir-types', code: 'SubscriptionTopic' }]);
    expect(body.modifierExtension).toEqual([{ url: `${XV5}status`, valueCode: 'active' }]);
    const { url, version, title, resourceTrigger, canFilterBy, notificationShape } = basicOf(body.extension);
    expect({ url, version, title }).toEqual({
      url: 'http://example.org/topics/shown',
      version: '1.2',
      title: 'Finished encounters',
    });
    expect(resourceTrigger).toEqual([
      { url: 'description', valueMarkdown: 'Becomes finished' },
      { url: 'resource', valueUri: 'Encounter' },
      { url: 'supportedInteraction', valueCode: 'create' },
      { url: 'supportedInteraction', valueCode: 'update' },
      {
        url: 'queryCriteria',
        extension: [
          { url: 'previous', valueString: 'status:not=finished' },
          { url: 'resultForCreate', valueCode: 'test-passes' },
          { url: 'current', valueString: 'status=finished' },
          { url: 'requireBoth', valueBoolean: true },
        ],
      },
    ]);
    expect(canFilterBy.slice(-2)).toEqual([
      { url: 'comparator', valueCode: 'gt' },
      { url: 'modifier', valueCode: 'in' },
    ]);
    expect(notificationShape.at(-1)).toEqual({ url: 'include', valueString: 'Encounter:patient' });
  });

  test('follow every change at once: version, history, metadata, delete', async () => {
    const listed = async () => {
      const { body } = await r4.send('GET', 'metadata');
      const subscription = body.rest[0].resource.find(({ type }: any) => type === 'Subscription');
      return subscription.extension
        .filter(({ url }: any) => url === TOPIC_CANONICAL)
        .map(({ valueCanonical }: any) => valueCanonical);
    };
    await put('followed');
    expect(await listed()).toContain('http://example.org/topics/followed');
    await put('followed', { status: 'retired' });
    expect(await listed()).not.toContain('http://example.org/topics/followed');
    expect((await r4.send('GET', 'Basic/followed')).body).toMatchObject({
      meta: { versionId: '2' },
      modifierExtension: [{ valueCode: 'retired' }],
    });
    expect((await r4.send('GET', 'Basic/followed/_history/1')).body.modifierExtension).toMatchObject([{ valueCode: 'active' }]);
    const history = (await r4.send('GET', 'Basic/followed/_history')).body;
    expect(history.entry.map(({ resource }: any) => [resource.resourceType, resource.meta.versionId])).toEqual([
      ['Basic', '2'],
      ['Basic', '1'],
    ]);
    await r4b.send('DELETE', 'SubscriptionTopic/followed');
    expect((await r4.send('GET', 'Basic/followed')).status).toBe(410);
    const found = (await r4.send('GET', `Basic?code=${CODE}&_count=1000`)).body;
    expect(found.entry.map(({ resource }: any) => resource.id)).not.toContain('followed');
  });

  test('are found by code, beside Basic resources that clients stored, page by page', async () => {
    const own = { resourceType: 'Basic', id: 'own', code: { text: 'a note' } };
    expect((await r4.send('PUT', 'Basic/own', own)).status).toBe(201);
    const byCode = (await r4.send('GET', `Basic?code=${CODE}&_count=1000`)).body;
    const topics = (await r4b.send('GET', 'SubscriptionTopic?_count=1000')).body;
    const idsOf = (bundle: any): string[] => bundle.entry.map(({ resource }: any) => resource.id);
    expect(idsOf(byCode).sort()).toEqual(idsOf(topics).sort());
    expect(byCode.total).toBe(topics.total);
    expect(byCode.entry[0].fullUrl).toBe(`${r4.base}/Basic/${byCode.entry[0].resource.id}`);
    expect(idsOf((await r4.send('GET', 'Basic?_count=1000')).body).sort()).toEqual([...idsOf(topics), 'own'].sort());
    const walked: string[] = [];
    for (let next: string | undefined = `${r4.base}/Basic?_count=3`; next !== undefined;) {
      const page: any = await (await fetch(next)).json();
      walked.push(...idsOf(page));
      next = page.link.find(({ relation }: any) => relation === 'next')?.url;
    }
    expect(walked.sort()).toEqual([...idsOf(topics), 'own'].sort());
    expect(idsOf((await r4.send('GET', 'Basic?_id=shown')).body)).toEqual(['shown']);
    expect((await r4b.send('GET', `Basic?code=${CODE}`)).body.entry).toBeUndefined();
  });

  test('are written as what they are: a Basic that claims to be one is refused in every face, and so is its delete', async () => {
    const claim = {
      resourceType: 'Basic',
      code: { coding: [{ system: 'http://hl7.org/fhir/fhir-types', code: 'SubscriptionTopic' }] },
    };
    for (const client of [r4, r4b]) {
      const { status, body } = await client.send('POST', 'Basic', claim);
      expect({ status, expression: body.issue[0].expression }).toEqual({ status: 422, expression: ['Basic.code'] });
    }
    const changed = await r4.send('PUT', 'Basic/shown', { resourceType: 'Basic', id: 'shown', code: { text: 'mine' } });
    expect(changed.status).toBe(409);
    expect((await r4.send('DELETE', 'Basic/shown')).status).toBe(422);
    expect((await r4.send('GET', 'Basic/shown')).status).toBe(200);
  });
});

test.each(['SubscriptionTopic', 'Ingredient', 'Citation'])(
  '%s, unknown to R4, has no address there, whichever way',
  async (type) => {
    const entry = { request: { method: 'DELETE', url: `${type}/x` } };
    const answers = [
      await r4.send('GET', type),
      await r4.send('GET', `${type}/x`),
      await r4.send('GET', `${type}/_history`),
      await r4.send('POST', type, { resourceType: type }),
      await r4.send('DELETE', `${type}/x`),
      await r4.send('POST', '', { resourceType: 'Bundle', type: 'transaction', entry: [entry] }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404, 404]);
    expect(answers[0]!.body.issue[0].diagnostics).toContain('/fhir/r4b/');
  },
);

describe('search parameters', () => {
  test.each([
    ['SubscriptionTopic?url=http://example.org/topics/derived', ['derived']],
    ['SubscriptionTopic?derived-or-self=http://example.org/topics/shown', ['derived', 'shown']],
    ['SubscriptionTopic?resource=http://hl7.org/fhir/StructureDefinition/Patient', ['derived']],
    ['SubscriptionTopic?title=Finished%20enc', ['derived', 'shown']],
    ['SubscriptionTopic?trigger-description=becomes&url=http://example.org/topics/derived', ['derived']],
    ['SubscriptionTopic?status=draft', ['derived']],
    ['SubscriptionTopic?version=1.2&url=http://example.org/topics/shown', ['shown']],
  ])('%s finds topics', async (path, ids) => {
    await put('shown');
    await put('derived', {
      status: 'draft',
      derivedFrom: ['http://example.org/topics/shown'],
      resourceTrigger: [{ description: 'Becomes known', resource: 'http://hl7.org/fhir/StructureDefinition/Patient' }],
    });
    const { status, body } = await r4b.send('GET', path);
    expect({ status, ids: (body.entry ?? []).map(({ resource }: any) => resource.id).sort() }).toEqual({ status: 200, ids });
  });

  test.each<[string, 'r4' | 'r4b']>(
    ['topic', 'filter-criteria', 'custom-channel', 'payload-type', 'identifier', 'url', 'status', 'criteria', 'type'].flatMap(
      (code) => (['r4', 'r4b'] as const).map((face): [string, 'r4' | 'r4b'] => [code, face]),
    ),
  )('Subscription?%s= works in the face %s', async (code, face) => {
    const client = new Client(hub, face);
    const id = `by-${code}-${face}`;
    const backport = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-';
    const subscription = {
      resourceType: 'Subscription',
      id,
      status: 'requested',
      reason: 'a test',
      extension: [
        {
          url: 'http://hl7.org/fhir/5.0/StructureDefinition/extension-Subscription.identifier',
          valueIdentifier: { system: 'urn:x', value: id },
        },
      ],
      criteria: 'https://carillon.example/topics/laboratory-result',
      _criteria: { extension: [{ url: `${backport}filter-criteria`, valueString: `Observation?patient=Patient/${id}` }] },
      channel: {
        type: 'rest-hook',
        endpoint: `http://127.0.0.1:9/${id}`,
        payload: 'application/fhir+json',
        _payload: { extension: [{ url: `${backport}payload-content`, valueCode: 'id-only' }] },
        ...(code === 'custom-channel'
          ? {
              type: 'websocket',
              endpoint: undefined,
              _type: {
                extension: [
                  {
                    url: `${backport}channel-type`,
                    valueCoding: { system: 'https://carillon.example/fhir/CodeSystem/channel-type', code: 'live' },
                  },
                ],
              },
            }
          : {}),
      },
    };
    const made = await client.send('PUT', `Subscription/${id}`, subscription);
    expect({ status: made.status, issue: made.body.issue }).toEqual({ status: 201, issue: undefined });
    const values: Record<string, string> = {
      topic: 'https://carillon.example/topics/laboratory-result',
      'filter-criteria': `Observation?patient=Patient/${id}`,
      'custom-channel': 'live',
      'payload-type': 'id-only',
      identifier: `urn:x|${id}`,
      url: `http://127.0.0.1:9/${id}`,
      status: made.body.status,
      criteria: 'https://carillon.example/topics/laboratory-result',
      type: code === 'custom-channel' ? 'websocket' : 'rest-hook',
    };
    const { status, body } = await client.send('GET', `Subscription?_id=${id}&${code}=${encodeURIComponent(values[code]!)}`);
    expect({ status, ids: (body.entry ?? []).map(({ resource }: any) => resource.id) }).toEqual({ status: 200, ids: [id] });
    const none = await client.send('GET', `Subscription?_id=${id}&${code}=nothing-like-it`);
    expect(none.body.entry ?? []).toEqual([]);
  });
});
