import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { parameterId } from '../../src/search/equality-key.js';
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
  await store(
    a,
    Array.from({ length: PATIENTS }, (_, i) => patient(i, COLOURS[i % 3]!)),
  );
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
  waitFor(async () => (await statusOf(hub, id))['state'] === 'usable', { what: `${id} to be usable` });

/** Nobody indexes the resource, or writes it, before the returned function is called: a walk stands still there. */
async function held(id: string): Promise<() => Promise<unknown>> {
  await client.query('BEGIN');
  await client.query(`SELECT FROM resource WHERE type = 'Patient' AND id = $1 FOR UPDATE`, [id]);
  return () => client.query('COMMIT');
}

const stoppedAt = (hub: Hub, id: string, walked: number) =>
  waitFor(async () => (await statusOf(hub, id))['walked'] === walked, {
    milliseconds: 30_000,
    what: 'the walk to come that far',
  });

const ofColour = (colour: string) =>
  Array.from({ length: PATIENTS }, (_, i) => i)
    .filter((i) => COLOURS[i % 3] === colour)
    .map(idOf);

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
        expect([query, (await search(hub, query)).status]).toEqual([query, 503]);
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

  test('is used like an official one, of whatever kind', async () => {
    const url = 'http://example.org/fhir/StructureDefinition';
    const more = (id: string, extension: object[], rest: object = {}): Json => ({
      resourceType: 'Person',
      id,
      extension,
      ...rest,
    });
    await store(a, [
      more('one', [
        { url: `${url}/due`, valueDate: '2026-03-01' },
        { url: `${url}/size`, valueQuantity: { value: 3, unit: 'm' } },
      ]),
      more('two', [{ url: `${url}/due`, valueDate: '2026-01-05' }], { managingOrganization: { reference: 'Organization/lake' } }),
      more('three', [
        { url: `${url}/boss`, valueReference: { reference: 'Person/two' } },
        { url: `${url}/site`, valueUri: 'http://s' },
      ]),
      { resourceType: 'Organization', id: 'lake', name: 'Lake' },
    ]);
    const kinds = { due: 'date', size: 'quantity', boss: 'reference', site: 'uri', due2: 'string' };
    await store(
      b,
      Object.entries(kinds).map(([code, type]) => {
        const expression =
          code === 'due2'
            ? 'Person.extension.value.ofType(date).toString().substring(0, 4)'
            : `Person.extension('${url}/${code}').value`;
        return parameter(`person-${code}`, { code, type, base: ['Person'], expression });
      }),
    );
    for (const code of Object.keys(kinds)) await usable(a, `person-${code}`);
    expect(await found(a, 'Person?due=lt2026-02')).toEqual(['two']);
    expect(await found(a, 'Person?size=gt2')).toEqual(['one']);
    expect(await found(a, 'Person?site=http://s')).toEqual(['three']);
    expect(await found(b, 'Person?due2=2026')).toEqual(['one', 'two']);
    expect(await found(a, 'Person?boss:Person.due=2026-01-05')).toEqual(['three']);
    expect(await found(b, 'Person?boss=Person/two&boss:Person.organization.name=lake')).toEqual(['three']);
    expect(await found(b, 'Person?_has:Person:boss:site=http://s')).toEqual(['two']);
    expect(await found(a, 'Person?_id=three&_include=Person:boss')).toEqual(['three', 'two']);
    expect(await found(a, 'Person?_id=two&_revinclude=Person:boss:Person')).toEqual(['three', 'two']);
    const sorted = (await search(a, 'Person?_sort=-due')).json['entry'] as Json[];
    expect(sorted.map(({ resource }) => resource.id as string)).toEqual(['one', 'two', 'three']);
    for (const hub of [a, b]) {
      const { json } = await request(hub, 'GET', 'metadata');
      const person = (json['rest'][0].resource as Json[]).find(({ type }) => type === 'Person')!;
      expect(person['searchParam']).toContainEqual({
        name: 'due',
        definition: 'http://example.org/fhir/SearchParameter/person-due',
        type: 'date',
      });
      expect(person['searchInclude']).toContain('Person:boss');
    }
    const created = await request(b, 'POST', 'Person', { resourceType: 'Person' }, { 'if-none-exist': 'site=http://s' });
    expect([created.status, created.json['id']]).toEqual([200, 'three']);
    const async = { prefer: 'respond-async' };
    const exported = (query: string) =>
      request(a, 'GET', `$export?_type=Person&_typeFilter=${encodeURIComponent(query)}`, undefined, async);
    expect((await exported('Person?due=2026-01-05')).status).toBe(202);
    expect((await exported('Person?overdue=2026-01-05')).status).toBe(400);
  });

  test('means from a change on what it says then, and nothing of what it said before', async () => {
    await put(a, parameter('shade', { expression: `Patient.extension('${EYES}').value` }));
    await usable(a, 'shade');
    expect((await found(a, 'Patient?shade=green')).length).toBeGreaterThan(100);
    await put(b, parameter('shade', { type: 'date', expression: 'Patient.birthDate' }));
    // Before it is indexed anew there is no answer at all, so none of the old ones.
    expect((await search(a, 'Patient?shade=green')).status).not.toBe(200);
    await usable(a, 'shade');
    expect(await found(a, 'Patient?shade=1915-01-01&_id=p0005,p0006')).toEqual(['p0005']);
    expect((await search(b, 'Patient?shade=green')).status).toBe(400);
    expect((await search(b, 'Patient?shade:missing=true')).json['total']).toBe(0);
    expect((await put(b, parameter('shade', { status: 'retired' }))).status).toBe(200);
    expect((await search(a, 'Patient?shade=1915')).issue['diagnostics']).toContain("'shade' is unknown for Patient");
    expect(await statusOf(a, 'shade')).toEqual({ state: 'unused', reason: 'only active SearchParameters are used' });
  });

  test('is unknown once it is deleted, and its rows go', async () => {
    await put(a, parameter('gone', { type: 'string', expression: 'Patient.birthDate.toString()' }));
    await usable(b, 'gone');
    const rows = async () => {
      const { rows: found } = await client.query(`SELECT count(*)::integer AS n FROM search_string WHERE param = $1`, [
        parameterId('Patient', 'gone'),
      ]);
      return (found as { n: number }[])[0]!.n;
    };
    expect(await rows()).toBeGreaterThan(PATIENTS - 10);
    expect((await request(b, 'DELETE', 'SearchParameter/gone')).status).toBe(204);
    for (const hub of [a, b])
      expect((await search(hub, 'Patient?gone=1915')).issue['diagnostics']).toContain("'gone' is unknown for Patient");
    expect((await request(a, 'GET', 'Patient?gone=1915&_count=1')).json['link'][0].url).not.toContain('gone');
    await waitFor(async () => (await rows()) === 0, { what: 'its rows to go' });
    expect((await request(a, 'GET', 'SearchParameter/gone/$reindex-status')).status).toBe(410);
  });

  test('is indexed on by another process where the first is killed in the midst', async () => {
    const release = await held(idOf(300));
    await put(a, eyes('glance'));
    await stoppedAt(b, 'glance', 200);
    const { rows } = await client.query('SELECT leased_by FROM reindex WHERE walking IS NOT NULL');
    const [{ leased_by: holder }] = rows as [{ leased_by: string }];
    const [killed, left] = holder.includes(`/${String(a.pid)}/`) ? [a, b] : [b, a];
    await killed.kill();
    await store(left, [patient(9004, 'grey')]);
    await release();
    await usable(left, 'glance');
    expect(await found(left, 'Patient?glance=grey')).toEqual([idOf(9004)]);
    expect(await found(left, 'Patient?glance=green')).toEqual(await found(left, 'Patient?eyes=green'));
    expect(left.output()).toMatch(/"type":"Patient".*"reindex.walked"/);
    [a, b] = [left, await startHub({ database })];
  });

  test('is indexed again on request', async () => {
    const release = await held(idOf(10));
    const again = await request(b, 'POST', 'SearchParameter/eyes/$reindex');
    expect(again.json['parameter']).toContainEqual({ name: 'state', valueCode: 'indexing' });
    expect((await search(a, 'Patient?eyes=violet')).status).toBe(503);
    await release();
    await usable(b, 'eyes');
    expect(await found(a, 'Patient?eyes=violet')).toEqual([idOf(9003)]);
    expect((await request(b, 'POST', 'SearchParameter/shade/$reindex')).status).toBe(422);
    expect((await request(b, 'GET', 'SearchParameter/eyes/$reindex')).status).toBe(405);
    expect((await request(b, 'GET', 'SearchParameter/none/$reindex-status')).status).toBe(404);
    for (const operation of ['reindex', 'reindex-status'])
      expect((await request(a, 'GET', `OperationDefinition/search-parameter-${operation}`)).status).toBe(200);
  });

  test('that cannot be used is refused, and nothing of what came with it is stored', async () => {
    const refused: [object, string][] = [
      [{ expression: 'Patient.nose' }, 'SearchParameter.expression'],
      [{ expression: `${'('.repeat(900)}name${')'.repeat(900)}` }, 'SearchParameter.expression'],
      [{ expression: "name.given.where(matches('(a+)+$'))" }, 'SearchParameter.expression'],
      [{ code: 'birthdate' }, 'SearchParameter.code'],
      [{ code: 'eyes' }, 'SearchParameter.code'],
      [{ type: 'special' }, 'SearchParameter.type'],
    ];
    for (const [more, element] of refused) {
      const bad = parameter('bad', more);
      const { status, issue } = await put(a, bad);
      expect([status, issue['expression']]).toEqual([422, [element]]);
      const entry = [{ resourceType: 'Person', id: 'with-bad' }, bad].map((resource) => ({
        resource,
        request: { method: 'PUT', url: `${resource['resourceType']}/${resource['id']}` },
      }));
      expect((await request(b, 'POST', '', { resourceType: 'Bundle', type: 'transaction', entry })).status).toBe(422);
    }
    expect((await request(a, 'GET', 'Person/with-bad')).status).toBe(404);
    expect((await put(a, parameter('draft', { status: 'draft', expression: 'Patient.nose' }))).status).toBe(201);
    expect((await request(b, 'GET', 'metadata')).text).not.toContain('/SearchParameter/draft"');
  });
});
