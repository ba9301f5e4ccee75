import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { cloneDatabase, type TestDatabase } from '../support/clone-database.js';
import { type Json, request, type RestAnswer } from '../support/rest-client.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { waitFor } from '../support/wait-for.js';

/** More than a walk reads at a time. */
const PATIENTS = 450;
const EYES = 'http://example.org/fhir/StructureDefinition/eye-colour';
const COLOURS = ['blue', 'brown', 'green'] as const;

let database: TestDatabase;
let client: pg.Client;
let a: Hub;
let b: Hub;

beforeAll(async () => {
  database = await cloneDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  [a, b] = await Promise.all([startHub({ database }), startHub({ database })]);
  await store(a, Array.from({ length: PATIENTS }, (_, i) => patient(i, COLOURS[i % 3]!)));
});
afterAll(async () => {
  await client.end();
  await Promise.all([a?.stop(), b?.stop()]);
  await database?.drop();
});

const idOf = (i: number) => `p${String(i).padStart(4, '0')}`;

function patient(i: number, colour: string, more: object = {}): Json {
  const extension = [{ url: EYES, valueCode: colour }];
  return { resourceType: 'Patient', id: idOf(i), birthDate: `19${String(10 + (i % 80))}-01-01`, extension, ...more };
}

async function store(hub: Hub, resources: Json[]): Promise<void> {
  const entry = resources.map((resource) => ({
    resource,
    request: { method: 'PUT', url: `${resource['resourceType']}/${resource['id']}` },
  }));
  const { status, text } = await request(hub, 'POST', '', { resourceType: 'Bundle', type: 'transaction', entry });
  if (status !== 200) throw new Error(text);
}

function parameter(id: string, more: object): Json {
  return {
    ...{ resourceType: 'SearchParameter', id, url: `http://example.org/fhir/SearchParameter/${id}`, status: 'active' },
    ...{ name: id.replaceAll('-', ''), description: id, code: id, base: ['Patient'], type: 'token', expression: 'Patient.id' },
    ...more,
  };
}

const eyes = (id: string, more: object = {}) => parameter(id, { expression: `Patient.extension('${EYES}').value`, ...more });

const put = (hub: Hub, resource: Json) => request(hub, 'PUT', `${resource['resourceType']}/${resource['id']}`, resource);

const STRICT = { prefer: 'handling=strict' };
const search = (hub: Hub, query: string): Promise<RestAnswer> => request(hub, 'GET', query, undefined, STRICT);

async function found(hub: Hub, query: string): Promise<string[]> {
  const { status, json, text } = await search(hub, `${query}&_count=1000`);
  if (status !== 200) throw new Error(text);
  return ((json['entry'] ?? []) as Json[]).map(({ resource }) => resource.id as string).sort();
}

async function statusOf(hub: Hub, id: string): Promise<Record<string, unknown>> {
  const { json } = await request(hub, 'GET', `SearchParameter/${id}/$reindex-status`);
  return Object.fromEntries(
    (json['parameter'] as Json[]).map((each) => [each.name, each.valueCode ?? each.valueDecimal ?? each.valueString]),
  );
}

const usable = (hub: Hub, id: string) =>
  waitFor(async () => (await statusOf(hub, id))['state'] === 'usable', { milliseconds: 30_000, what: `${id} to be usable` });

/** Nobody indexes the resource, or writes it, before the returned function is called: a walk stands still there. */
async function held(id: string): Promise<() => Promise<unknown>> {
  await client.query('BEGIN');
  await client.query(`SELECT FROM resource WHERE type = 'Patient' AND id = $1 FOR UPDATE`, [id]);
  return () => client.query('COMMIT');
}

const stoppedAt = (hub: Hub, id: string, walked: number) =>
  waitFor(async () => (await statusOf(hub, id))['walked'] === walked, { milliseconds: 30_000, what: 'the walk to come that far' });

const ofColour = (colour: string) => Array.from({ length: PATIENTS }, (_, i) => i).filter((i) => COLOURS[i % 3] === colour).map(idOf);

describe('a search parameter that a client defines', () => {
  test('is refused until all that is stored is indexed, and finds what was written meanwhile by either process', async () => {
    const release = await held(idOf(300));
    expect((await put(a, eyes('eyes'))).status).toBe(201);
    await stoppedAt(a, 'eyes', 200);
    for (const hub of [a, b]) {
      const refused = await search(hub, 'Patient?eyes=blue');
      expect(refused.status).toBe(503);
      expect(refused.headers.get('retry-after')).toBe('5');
      expect(refused.issue['diagnostics']).toContain("'eyes' of Patient is being indexed, 44 %");
      expect((await request(hub, 'GET', 'Patient?eyes=blue')).status).toBe(503);
      for (const query of ['Patient?_sort=eyes', 'Observation?subject:Patient.eyes=blue', 'Patient?_has:Patient:eyes:_id=x'])
        expect([query, (await search(hub, query)).status]).toEqual([query, query.includes('sort') || query.includes('.') ? 503 : 503]);
    }
    expect(await statusOf(b, 'eyes')).toMatchObject({ state: 'indexing', walked: 200, total: PATIENTS, percent: 44 });
    // Before and behind the place, new, changed and deleted ones, through both processes.
    await store(a, [patient(9001, 'blue'), patient(1, 'blue')]);
    await store(b, [{ ...patient(9002, 'blue'), id: 'a0' }, patient(400, 'blue'), patient(3, 'brown')]);
    expect((await request(b, 'DELETE', `Patient/${idOf(0)}`)).status).toBe(204);
    expect((await request(a, 'DELETE', `Patient/${idOf(402)}`)).status).toBe(204);
    await release();
    await usable(b, 'eyes');
    const blue = new Set([...ofColour('blue'), idOf(9001), 'a0', idOf(1), idOf(400)]);
    for (const gone of [3, 0, 402]) blue.delete(idOf(gone));
    for (const hub of [a, b]) expect(await found(hub, 'Patient?eyes=blue')).toEqual([...blue].sort());
    await store(b, [patient(9003, 'violet')]);
    expect(await found(a, 'Patient?eyes=violet')).toEqual([idOf(9003)]);
    expect(await found(a, 'Patient?eyes:not=blue&eyes:missing=false&_id=a0,p9003')).toEqual([idOf(9003)]);
  });
});
