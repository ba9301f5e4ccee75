import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { polledSource } from '../../demo/subscriptions.js';
import { cloneDatabase, type TestDatabase } from '../support/clone-database.js';
import { type Json, request, type RestAnswer } from '../support/rest-client.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { waitFor } from '../support/wait-for.js';

let database: TestDatabase;
let hub: Hub;
let other: Hub;
beforeAll(async () => {
  database = await cloneDatabase();
  const env = { DANGLING_REFERENCES: 'refused' };
  [hub, other] = await Promise.all([startHub({ database, env }), startHub({ database, env })]);
});
afterAll(async () => {
  await Promise.all([hub?.stop(), other?.stop()]);
  await database?.drop();
});

const send = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
  request(hub, method, path, body, headers);
const observation = (subject: string, more: Json = {}) => ({
  resourceType: 'Observation',
  status: 'final',
  code: { text: 'x' },
  subject: { reference: subject },
  ...more,
});
const patient = async (id = `p-${randomUUID()}`) => {
  expect((await send('PUT', `Patient/${id}`, { resourceType: 'Patient', id })).status).toBe(201);
  return `Patient/${id}`;
};
const isRefused = ({ status, json }: RestAnswer, code: string, ...expressions: string[]) =>
  expect([status, json['issue'].map((issue: Json) => [issue['code'], ...issue['expression']])]).toEqual([
    422,
    expressions.map((expression) => [code, expression]),
  ]);
const countOf = async (path: string) => (await send('GET', `${path}&_summary=count`)).json['total'] as number;
const bundle = (type: string, entry: Json[]) => ({ resourceType: 'Bundle', type, entry });
const put = (id: string, resource: Json, fullUrl?: string) => ({
  fullUrl,
  resource: { ...resource, id },
  request: { method: 'PUT', url: `${resource['resourceType']}/${id}` },
});
const remove = (path: string) => ({ request: { method: 'DELETE', url: path } });

describe('a reference that leads nowhere', () => {
  test('is refused in a create, an update and both with a condition, and nothing is stored', async () => {
    const id = randomUUID();
    const nowhere = observation(`Patient/${id}`, { identifier: [{ value: id }] });
    const where = 'Observation.subject.reference';
    isRefused(await send('POST', 'Observation', nowhere), 'not-found', where);
    isRefused(await send('PUT', `Observation/${id}`, { ...nowhere, id }), 'not-found', where);
    isRefused(await send('POST', 'Observation', nowhere, { 'if-none-exist': `identifier=${id}` }), 'not-found', where);
    isRefused(await send('PUT', `Observation?identifier=${id}`, nowhere), 'not-found', where);
    expect(await countOf(`Observation?identifier=${id}`)).toBe(0);
    expect((await send('GET', `Observation/${id}/_history`)).status).toBe(404);
  });

  test('is refused in a patch, and the resource stays', async () => {
    const created = await send('POST', 'Observation', observation(await patient()));
    expect(created.status).toBe(201);
    const path = `Observation/${created.json['id']}`;
    const patch = [{ op: 'replace', path: '/subject/reference', value: 'Patient/nobody' }];
    const patched = await send('PATCH', path, patch, { 'content-type': 'application/json-patch+json' });
    isRefused(patched, 'not-found', 'Observation.subject.reference');
    expect((await send('GET', path)).headers.get('etag')).toBe('W/"1"');
  });

  test('is named wherever it stands, absolute or with a version, too; what was deleted is told apart', async () => {
    const there = await patient();
    const gone = await patient();
    expect((await send('DELETE', gone)).status).toBe(204);
    const answer = await send('POST', 'Observation', {
      ...observation(`${hub.fhir}/${there}`),
      contained: [{ resourceType: 'Patient', id: 'c', generalPractitioner: [{ reference: `${hub.fhir}/Practitioner/nobody` }] }],
      extension: [{ url: 'http://a', valueReference: { reference: `${there}/_history/2` } }],
      performer: [{ reference: `${there}/_history/1` }, { reference: gone }, { reference: '#c' }],
    });
    expect(answer.status).toBe(422);
    expect(answer.json['issue'].map(({ code, expression }: Json) => [code, expression[0]]).sort()).toEqual([
      ['deleted', 'Observation.performer[1].reference'],
      ['not-found', 'Observation.contained[0].generalPractitioner[0].reference'],
      ['not-found', 'Observation.extension[0].valueReference.reference'],
    ]);
  });

  test('is none where it leads to another server, to a urn, within the resource, or names no address', async () => {
    const answer = await send('POST', 'Observation', {
      ...observation('https://other.example/fhir/Patient/1'),
      contained: [{ resourceType: 'Patient', id: 'c' }],
      performer: [
        { reference: '#c' },
        { reference: `urn:uuid:${randomUUID()}` },
        { type: 'Practitioner', identifier: { value: 'a' } },
      ],
    });
    expect(answer.status).toBe(201);
  });

  test('is none where the resource refers to itself', async () => {
    const id = randomUUID();
    const own = { resourceType: 'Patient', id, link: [{ other: { reference: `Patient/${id}` }, type: 'seealso' }] };
    expect((await send('PUT', `Patient/${id}`, own)).status).toBe(201);
    expect((await send('DELETE', `Patient/${id}`)).status).toBe(204);
  });
});

describe('in a Bundle', () => {
  test('a batch refuses the entry alone that holds it', async () => {
    const there = await patient();
    const id = randomUUID();
    const answer = await send(
      'POST',
      '',
      bundle('batch', [put(`a-${id}`, observation('Patient/nobody')), put(`b-${id}`, observation(there))]),
    );
    const statuses = answer.json['entry'].map((entry: Json) => entry['response'].status.slice(0, 3));
    expect(statuses).toEqual(['422', '201']);
    expect(answer.json['entry'][0].response.outcome.issue[0].expression).toEqual(['Bundle.entry[0].resource.subject.reference']);
  });

  test('a transaction may refer to what it writes itself, in any order and in a ring', async () => {
    const id = randomUUID();
    const urn = `urn:uuid:${randomUUID()}`;
    const entries = [
      put(id, observation(`Patient/${id}`, { performer: [{ reference: urn }, { reference: `Patient/${id}/_history/1` }] })),
      put(id, { resourceType: 'Patient', managingOrganization: { reference: urn } }),
      {
        fullUrl: urn,
        resource: { resourceType: 'Organization', name: 'o', partOf: { reference: urn } },
        request: { method: 'POST', url: 'Organization' },
      },
    ];
    for (const each of [entries, entries.toReversed()]) {
      const answer = await send('POST', '', bundle('transaction', each));
      expect(answer.status).toBe(200);
    }
  });

  test('a transaction of which one entry dangles is refused as a whole, naming it', async () => {
    const id = randomUUID();
    const answer = await send(
      'POST',
      '',
      bundle('transaction', [
        put(id, { resourceType: 'Patient' }),
        put(id, observation(`Patient/${id}`, { performer: [{ reference: 'Practitioner/nobody' }] })),
      ]),
    );
    isRefused(answer, 'not-found', 'Bundle.entry[1].resource.performer[0].reference');
    expect((await send('GET', `Patient/${id}`)).status).toBe(404);
  });

  test('a transaction may not refer to what it deletes, and may delete what it ceases to refer to', async () => {
    const id = randomUUID();
    const there = await patient();
    const instead = await patient();
    const refused = await send('POST', '', bundle('transaction', [remove(there), put(id, observation(there))]));
    isRefused(refused, 'deleted', 'Bundle.entry[1].resource.subject.reference');
    expect((await send('PUT', `Observation/${id}`, { ...observation(there), id })).status).toBe(201);
    const moved = await send('POST', '', bundle('transaction', [remove(there), put(id, observation(instead))]));
    expect(moved.status).toBe(200);
    const both = await send('POST', '', bundle('transaction', [remove(instead), remove(`Observation/${id}`)]));
    expect(both.status).toBe(200);
    expect((await send('GET', instead)).status).toBe(410);
  });

  test('a message is refused as a whole, and taken with what it refers to', async () => {
    const id = randomUUID();
    const message = (...resources: Json[]) =>
      bundle('message', [
        {
          fullUrl: `urn:uuid:${randomUUID()}`,
          resource: {
            resourceType: 'MessageHeader',
            id: randomUUID(),
            eventCoding: { system: 'http://a', code: 'b' },
            source: { endpoint: 'http://lab.example' },
            focus: [{ reference: `${'https://lab.example/fhir'}/Observation/${id}` }],
          },
        },
        ...resources.map((resource) => ({
          fullUrl: `https://lab.example/fhir/${resource['resourceType']}/${id}`,
          resource: { ...resource, id },
        })),
      ]);
    const refused = await send('POST', '$process-message', message(observation(`Patient/${id}`)));
    isRefused(refused, 'not-found', 'Bundle.entry[1].resource.subject.reference');
    expect((await send('GET', `Observation/${id}`)).status).toBe(404);
    const taken = await send('POST', '$process-message', message(observation(`Patient/${id}`), { resourceType: 'Patient' }));
    expect(taken.status).toBe(200);
  });
});

describe('a delete', () => {
  test('of what others refer to is a 409 that names one of them, until they no longer do', async () => {
    const there = await patient();
    const { json } = await send('POST', 'Observation', observation(`${there}/_history/1`));
    const path = `Observation/${json['id']}`;
    const refused = await send('DELETE', there);
    expect([refused.status, refused.issue['code'], refused.issue['diagnostics']]).toEqual([
      409,
      'conflict',
      expect.stringContaining(path),
    ]);
    expect((await send('DELETE', `Patient?_id=${there.slice(8)}`)).status).toBe(409);
    const within = await send('POST', '', bundle('transaction', [remove(there)]));
    expect([within.status, within.issue['expression']]).toEqual([409, ['Bundle.entry[0]']]);
    expect((await send('GET', there)).status).toBe(200);
    expect((await send('DELETE', path)).status).toBe(204);
    expect((await send('DELETE', there)).status).toBe(204);
    expect((await send('DELETE', there)).status).toBe(204);
  });

  test('and a copy in a document that is kept do not know of each other', async () => {
    const id = randomUUID();
    const composition = {
      resourceType: 'Composition',
      id,
      status: 'final',
      type: { text: 'x' },
      date: '2026-01-01',
      author: [{ display: 'a' }],
      title: 't',
    };
    const document = {
      ...bundle('document', [{ fullUrl: `https://a.example/Composition/${id}`, resource: composition }]),
      identifier: { system: 'http://a', value: id },
      timestamp: '2026-01-01T00:00:00Z',
    };
    expect((await send('POST', 'Bundle', document)).status).toBe(201);
    expect((await send('PUT', `Composition/${id}`, composition)).status).toBe(201);
    expect((await send('DELETE', `Composition/${id}`)).status).toBe(204);
  });

  test('at the same time as a reference to the resource, on whichever process: one of the two is refused', async () => {
    const rounds = await Promise.all(Array.from({ length: 40 }, () => patient()));
    const outcomes = await Promise.all(
      rounds.map(async (there, round) => {
        const [writer, deleter] = round % 2 === 0 ? [hub, other] : [hub, hub];
        const [written, deleted] = await Promise.all([
          request(writer, 'POST', 'Observation', observation(there)),
          request(deleter, 'DELETE', there),
        ]);
        return `${String(written.status)} ${String(deleted.status)}`;
      }),
    );
    expect(outcomes.filter((outcome) => outcome !== '201 409' && outcome !== '422 204')).toEqual([]);
  });
});

test('what a polled source says is taken as it is', async () => {
  const source = await startHub();
  try {
    await request(source, 'PUT', 'Observation/o', { ...observation('Patient/nobody'), id: 'o' });
    expect((await send('PUT', 'Endpoint/source', polledSource('source', source.fhir, 'source-', 1))).status).toBe(201);
    await waitFor(async () => (await send('GET', 'Observation/source-o')).status === 200, { what: 'the polled Observation' });
  } finally {
    await source.stop();
  }
});

test('/metadata says that references are enforced', async () => {
  const { json } = await send('GET', 'metadata');
  for (const resource of json['rest'][0].resource) expect(resource.referencePolicy).toEqual(['literal', 'logical', 'enforced']);
});
