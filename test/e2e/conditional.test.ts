import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { cloneDatabase, type TestDatabase } from '../support/clone-database.js';
import { type Json, request } from '../support/rest-client.js';
import { type Hub, startHub } from '../support/start-hub.js';

let database: TestDatabase;
let hub: Hub;
let other: Hub;
beforeAll(async () => {
  database = await cloneDatabase();
  hub = await startHub({ database });
  other = await startHub({ database });
});
afterAll(async () => {
  await Promise.all([hub?.stop(), other?.stop()]);
  await database?.drop();
});

const send = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
  request(hub, method, path, body, headers);
const patient = (value: string, more: Json = {}) => ({
  resourceType: 'Patient',
  identifier: [{ system: 'http://a', value }],
  ...more,
});
const where = (value: string) => `Patient?identifier=http://a|${value}`;
const found = async (value: string) =>
  ((await send('GET', where(value))).json['entry'] ?? []).map((entry: Json) => entry['resource']) as Json[];

describe('a conditional update', () => {
  test('creates where nothing matches, then updates that one', async () => {
    const value = randomUUID();
    const created = await send('PUT', where(value), patient(value));
    expect([created.status, created.headers.get('etag')]).toEqual([201, 'W/"1"']);
    const { id } = created.json;
    expect(created.headers.get('location')).toBe(`${hub.fhir}/Patient/${id}/_history/1`);
    const updated = await send('PUT', where(value), patient(value, { gender: 'male' }));
    expect([updated.status, updated.json['id'], updated.headers.get('etag')]).toEqual([200, id, 'W/"2"']);
    const named = await send('PUT', where(value), patient(value, { id, gender: 'female' }));
    expect([named.status, named.headers.get('etag')]).toEqual([200, 'W/"3"']);
  });

  test('creates under the id of the body, and refuses another id than that of the match', async () => {
    const value = randomUUID();
    const id = `own-${value}`;
    expect((await send('PUT', where(value), patient(value, { id }))).json).toMatchObject({ id, meta: { versionId: '1' } });
    const wrong = await send('PUT', where(value), patient(value, { id: 'wrong' }));
    expect([wrong.status, wrong.issue['expression']]).toEqual([400, ['Patient.id']]);
    const taken = await send('PUT', where(randomUUID()), patient(value, { id }));
    expect([taken.status, taken.issue['expression']]).toEqual([409, ['Patient.id']]);
    await send('DELETE', `Patient/${id}`);
    expect((await send('PUT', where(value), patient(value, { id }))).json).toMatchObject({ id, meta: { versionId: '3' } });
  });

  test('of several is a 412, and holds to If-Match', async () => {
    const value = randomUUID();
    await send('POST', 'Patient', patient(value));
    expect((await send('PUT', where(value), patient(value, { gender: 'male' }), { 'if-match': 'W/"9"' })).status).toBe(412);
    expect((await send('PUT', where(value), patient(value, { gender: 'male' }), { 'if-match': 'W/"1"' })).status).toBe(200);
    await send('POST', 'Patient', patient(value));
    const refused = await send('PUT', where(value), patient(value));
    expect([refused.status, refused.issue['code']]).toEqual([412, 'multiple-matches']);
  });

  test('_format and _pretty say nothing of what matches', async () => {
    const value = randomUUID();
    const answers = [
      await send('PUT', `${where(value)}&_format=json`, patient(value)),
      await send('PUT', `${where(value)}&_pretty=true`, patient(value)),
    ];
    expect(answers.map(({ status }) => status)).toEqual([201, 200]);
  });
});

test('two If-None-Exist are refused, and not taken for alternatives', async () => {
  const value = randomUUID();
  const { id } = (await send('POST', 'Patient', patient(value))).json;
  const headers = { 'content-type': 'application/fhir+json', 'if-none-exist': [`_id=${String(id)}`, '_id=x'] };
  const status = await new Promise((resolve, reject) => {
    const asked = httpRequest(`${hub.fhir}/Patient`, { method: 'POST', headers }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode));
    });
    asked.on('error', reject).end(JSON.stringify(patient(value)));
  });
  expect([status, (await found(value)).length]).toEqual([400, 1]);
});

describe('a conditional delete', () => {
  test('of none: 204; of one: 204, and it is gone; of several: 412, and none is gone', async () => {
    const value = randomUUID();
    expect((await send('DELETE', where(value))).status).toBe(204);
    const { json } = await send('POST', 'Patient', patient(value));
    const told = await send('DELETE', where(value), undefined, { prefer: 'return=OperationOutcome' });
    expect([told.status, told.issue['diagnostics']]).toEqual([200, `Deleted Patient/${json['id']}`]);
    expect((await send('GET', `Patient/${json['id']}`)).status).toBe(410);
    await send('POST', 'Patient', patient(value));
    await send('POST', 'Patient', patient(value));
    expect((await send('DELETE', where(value))).status).toBe(412);
    expect(await found(value)).toHaveLength(2);
  });

  test('holds to If-Match', async () => {
    const value = randomUUID();
    await send('POST', 'Patient', patient(value));
    expect((await send('DELETE', where(value), undefined, { 'if-match': 'W/"2"' })).status).toBe(412);
    expect((await send('DELETE', where(value), undefined, { 'if-match': 'W/"1"' })).status).toBe(204);
  });
});

test('equal conditions on two processes at once, in whatever spelling and method, leave one resource', async () => {
  for (let round = 0; round < 3; round += 1) {
    const value = randomUUID();
    const condition = `identifier=http://a|${value}`;
    const encoded = `identifier=${encodeURIComponent(`http://a|${value}`)}`;
    const answers = await Promise.all(
      Array.from({ length: 24 }, (_, n) => {
        const at = n % 2 === 0 ? hub : other;
        if (n % 3 === 0) return request(at, 'PUT', `Patient?${n % 4 === 0 ? condition : encoded}`, patient(value));
        return request(at, 'POST', 'Patient', patient(value), { 'if-none-exist': n % 4 === 0 ? condition : encoded });
      }),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array<number>(23).fill(200), 201]);
    expect(await found(value)).toHaveLength(1);
  }
});

describe('in a Bundle', () => {
  const post = (type: string, entry: Json[]) => send('POST', hub.fhir, { resourceType: 'Bundle', type, entry });
  const statuses = (answer: { json: Json }) =>
    ((answer.json['entry'] ?? []) as Json[]).map(({ response }) => response.status.slice(0, 3));

  test.each(['batch', 'transaction'])('of type %s: update and delete of none and of one', async (type) => {
    const [none, one, gone, nothing] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
    const { json: kept } = await send('POST', 'Patient', patient(one));
    await send('POST', 'Patient', patient(gone));
    const answer = await post(type, [
      { resource: patient(none), request: { method: 'PUT', url: where(none) } },
      { resource: patient(one, { gender: 'male' }), request: { method: 'PUT', url: where(one) } },
      { request: { method: 'DELETE', url: where(gone) } },
      { request: { method: 'DELETE', url: where(nothing) } },
    ]);
    expect([answer.status, statuses(answer)]).toEqual([200, ['201', '200', '204', '204']]);
    expect(await found(none)).toHaveLength(1);
    expect(await found(one)).toMatchObject([{ id: kept['id'], gender: 'male' }]);
    expect(await found(gone)).toEqual([]);
  });

  test('of type transaction: others refer to what a conditional update made or found', async () => {
    const value = randomUUID();
    const entries = () => [
      { fullUrl: `urn:uuid:${value}`, resource: patient(value), request: { method: 'PUT', url: where(value) } },
      {
        resource: {
          resourceType: 'Observation',
          status: 'final',
          code: { text: value },
          subject: { reference: `urn:uuid:${value}` },
        },
        request: { method: 'POST', url: 'Observation' },
      },
    ];
    expect(statuses(await post('transaction', entries()))).toEqual(['201', '201']);
    const [{ id }] = (await found(value)) as [Json];
    expect(statuses(await post('transaction', entries()))).toEqual(['200', '201']);
    expect((await send('GET', `Observation?subject=Patient/${id}`)).json).toMatchObject({ total: 2 });
  });

  test.each<[string, (value: string) => Json, number, string]>([
    [
      'a condition that several match',
      (value) => ({ request: { method: 'DELETE', url: where(value) } }),
      412,
      'Bundle.entry[1].request.url',
    ],
    [
      'a body of another id',
      (value) => ({ resource: patient(value, { id: 'x' }), request: { method: 'PUT', url: `${where(value)}1` } }),
      400,
      'Bundle.entry[1].resource.id',
    ],
    [
      'the same resource by condition and by id',
      (value) => ({ resource: patient(value, { id: `${value}1` }), request: { method: 'PUT', url: `Patient/${value}1` } }),
      400,
      'Bundle.entry[1].request.url',
    ],
  ])('of type transaction: stores nothing with %s', async (_what, entry, status, expression) => {
    const value = randomUUID();
    for (const id of [`${value}2`, `${value}3`]) await send('PUT', `Patient/${id}`, patient(value, { id }));
    await send('PUT', `Patient/${value}1`, patient(`${value}1`, { id: `${value}1` }));
    const refused = await post('transaction', [
      {
        resource: patient(`${value}1`, { gender: 'male' }),
        request: { method: 'PUT', url: `${where(`${value}1`)}&_id=${value}1` },
      },
      entry(value),
    ]);
    expect([refused.status, refused.issue['expression']]).toEqual([status, [expression]]);
    expect((await send('GET', `Patient/${value}1`)).headers.get('etag')).toBe('W/"1"');
  });

  test('of type transaction: racing with equal ones on two processes leaves one resource', async () => {
    const value = randomUUID();
    const entry = { resource: patient(value), request: { method: 'PUT', url: where(value) } };
    const answers = await Promise.all(
      [hub, other, hub, other, hub, other].map((at) =>
        request(at, 'POST', at.fhir, { resourceType: 'Bundle', type: 'transaction', entry: [entry] }),
      ),
    );
    expect(answers.flatMap(statuses).sort()).toEqual(['200', '200', '200', '200', '200', '201']);
    expect(await found(value)).toHaveLength(1);
  });
});
