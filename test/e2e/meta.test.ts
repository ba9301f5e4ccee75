import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Meta, Parameters } from 'fhir/r4b.js';
import { validateResource } from '../../src/fhir/validate-resource.js';
import { EndpointReceiver } from '../support/endpoint-receiver.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { classicSubscription, Client, type FaceName } from '../support/subscriber.js';

let hub: Hub;
let receiver: EndpointReceiver;
beforeAll(async () => {
  [hub, receiver] = await Promise.all([startHub(), EndpointReceiver.start()]);
});
afterAll(() => Promise.all([hub?.stop(), receiver?.close()]));

const input = (valueMeta: Meta) => ({ resourceType: 'Parameters', parameter: [{ name: 'meta', valueMeta }] });
const tag = (code: string, display?: string) => ({ system: 'http://example.org/tags', code, ...(display ? { display } : {}) });

describe.each<FaceName>(['r4b', 'r4'])('$meta in the face %s', (face) => {
  const client = () => new Client(hub, face);

  async function metaOf(method: string, path: string, body?: unknown): Promise<Meta> {
    const { status, body: answer } = await client().send(method, path, body);
    expect({ status, issue: answer.issue }).toEqual({ status: 200, issue: undefined });
    expect(validateResource(answer)).toEqual([]);
    const { parameter = [] } = answer as Parameters;
    expect(parameter.map(({ name }) => name)).toEqual(parameter.length === 0 ? [] : ['return']);
    return parameter[0]?.valueMeta ?? {};
  }
  const create = (more: object = {}) => client().create({ resourceType: 'Patient', ...more }, 'Patient');

  test('the meta of a resource and of a version of it', async () => {
    const { id, meta } = await create({ meta: { tag: [tag('one')] } });
    expect(await metaOf('GET', `Patient/${id}/$meta`)).toEqual(meta);
    await metaOf('POST', `Patient/${id}/$meta-add`, input({ tag: [tag('two')] }));
    expect(await metaOf('GET', `Patient/${id}/_history/1/$meta`)).toEqual(meta);
    expect(await metaOf('POST', `Patient/${id}/$meta`)).toMatchObject({ versionId: '2', tag: [tag('one'), tag('two')] });
    await client().send('DELETE', `Patient/${id}`);
    expect((await client().send('GET', `Patient/${id}/$meta`)).status).toBe(410);
    expect((await client().send('GET', `Patient/${id}/_history/9/$meta`)).status).toBe(404);
    expect((await client().send('GET', 'Patient/never-there/$meta')).status).toBe(404);
  });

  test('labels are added and removed as a version of its own, that searches find; the rest stays digit by digit', async () => {
    const text = '{"resourceType":"Observation","status":"final","code":{"text":"é"},"valueQuantity":{"value":1.500e0}}';
    const { id } = await client().create(text, 'Observation');
    const added = await metaOf(
      'POST',
      `Observation/${id}/$meta-add`,
      input({ profile: ['http://example.org/p'], tag: [tag(`of-${face}`, 'x')], security: [{ code: 'R' }] }),
    );
    expect(added).toMatchObject({ versionId: '2', profile: ['http://example.org/p'], tag: [tag(`of-${face}`, 'x')] });
    const read = await client().send('GET', `Observation/${id}`);
    expect(read.text).toContain('"status":"final","code":{"text":"é"},"valueQuantity":{"value":1.500e0}}');
    expect(read.body.meta).toEqual(added);
    const found = (await client().send('GET', `Observation?_tag=of-${face}&_profile=http://example.org/p`)).body;
    expect(found.entry.map((entry: { resource: { id: string } }) => entry.resource.id)).toEqual([id]);
    const removed = await metaOf(
      'POST',
      `Observation/${id}/$meta-delete`,
      input({ tag: [tag(`of-${face}`)], profile: ['http://example.org/p'] }),
    );
    expect(Object.keys(removed).sort()).toEqual(['lastUpdated', 'security', 'versionId']);
    expect((await client().send('GET', `Observation?_tag=of-${face}`)).body.total).toBe(0);
  });

  test('what changes nothing makes no version', async () => {
    const { id } = await create({ meta: { tag: [tag('one', 'shown')] } });
    expect(await metaOf('POST', `Patient/${id}/$meta-add`, input({ tag: [tag('one', 'otherwise')] }))).toMatchObject({
      versionId: '1',
      tag: [tag('one', 'shown')],
    });
    expect(await metaOf('POST', `Patient/${id}/$meta-delete`, input({ tag: [tag('two')] }))).toMatchObject({ versionId: '1' });
  });

  test('adding at the same time loses nothing', async () => {
    const { id } = await create();
    const codes = ['a', 'b', 'c', 'd'];
    await Promise.all(codes.map((code) => metaOf('POST', `Patient/${id}/$meta-add`, input({ tag: [tag(code)] }))));
    const { tag: tags = [] } = await metaOf('GET', `Patient/${id}/$meta`);
    expect(tags.map(({ code }) => code).sort()).toEqual(codes);
  });

  test('If-Match of an old version is refused', async () => {
    const { id } = await create();
    const send = (version: number) =>
      fetch(`${hub.url}/fhir/${face}/Patient/${id}/$meta-add`, {
        method: 'POST',
        headers: { 'content-type': 'application/fhir+json', 'if-match': `W/"${version}"` },
        body: JSON.stringify(input({ tag: [tag('z')] })),
      });
    expect((await send(2)).status).toBe(412);
    expect((await send(1)).status).toBe(200);
  });

  test('what a type and the whole hub are labelled with', async () => {
    const system = `http://example.org/of-${face}`;
    await client().create({ resourceType: 'Device', meta: { tag: [{ system, code: 'b' }], profile: [`${system}/p`] } }, 'Device');
    await client().create(
      {
        resourceType: 'Device',
        meta: {
          tag: [
            { system, code: 'b' },
            { system, code: 'a' },
          ],
        },
      },
      'Device',
    );
    const { id } = await client().create({ resourceType: 'Device', meta: { tag: [{ system, code: 'gone' }] } }, 'Device');
    await client().send('DELETE', `Device/${id}`);
    await create({ meta: { security: [{ system, code: 'S', display: 'shown' }] } });
    const ofType = await metaOf('GET', 'Device/$meta');
    expect(ofType.tag?.filter((one) => one.system === system)).toEqual([
      { system, code: 'a' },
      { system, code: 'b' },
    ]);
    expect(ofType.profile).toContain(`${system}/p`);
    expect(ofType.security).toBeUndefined();
    const ofAll = await metaOf('GET', '$meta');
    expect(ofAll).toMatchObject({
      tag: expect.arrayContaining([{ system, code: 'a' }]) as unknown,
      security: expect.arrayContaining([{ system, code: 'S', display: 'shown' }]) as unknown,
    });
    expect(await metaOf('GET', 'Flag/$meta')).toEqual({});
  });

  test('the rules of the type hold, and subscribers hear of it', async () => {
    const subscription = {
      ...classicSubscription(receiver.url(`/${face}`), { payload: 'application/fhir+json', header: ['X-Secret: s3cret'] }),
      criteria: `Patient?_tag=http://example.org/tags|heard-${face}`,
    };
    const { id: subscriptionId } = await client().create(subscription);
    const { id } = await create();
    await metaOf('POST', `Patient/${id}/$meta-add`, input({ tag: [tag(`heard-${face}`)] }));
    const [call] = await receiver.waitForCount(1, ({ path }) => path.startsWith(`/${face}/`));
    expect(call?.path).toBe(`/${face}/Patient/${id}`);
    await metaOf('POST', `Subscription/${subscriptionId}/$meta-add`, input({ tag: [tag('kept')] }));
    expect((await client().read(subscriptionId)).channel.header).toEqual(['X-Secret: s3cret']);
  });

  test.each([
    ['no meta', { resourceType: 'Parameters' }, 'meta'],
    [
      'two',
      { resourceType: 'Parameters', parameter: [1, 2].map(() => ({ name: 'meta', valueMeta: { versionId: '1' } })) },
      'meta',
    ],
    [
      'another parameter',
      { resourceType: 'Parameters', parameter: [{ name: 'labels', valueString: 'x' }] },
      'Parameters.parameter[0].name',
    ],
    ['a meta that is none', input({ tag: 'x' } as unknown as Meta), 'Parameters.parameter[0].valueMeta.tag'],
    ['another resource', { resourceType: 'Patient' }, 'Parameters'],
  ])('%s is refused', async (_, body, expression) => {
    const { id } = await create();
    const { status, body: outcome } = await client().send('POST', `Patient/${id}/$meta-add`, body);
    expect(status).toBe(400);
    expect(outcome.issue[0].expression).toEqual([expression]);
  });
});
