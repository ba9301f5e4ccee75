import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Database } from '../../src/storage/database.js';
import { UNINDEXED_CHANGES } from '../../src/storage/sql/full-text-search.sql.js';
import { cloneDatabase, type TestDatabase } from '../support/clone-database.js';
import { exported, kickOff, manifestOf } from '../support/bulk-export.js';
import { EndpointReceiver } from '../support/endpoint-receiver.js';
import { type Json, request, type RestAnswer } from '../support/rest-client.js';
import { newFolder } from '../support/run-folder.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { classicSubscription, Client } from '../support/subscriber.js';
import { waitFor } from '../support/wait-for.js';

/* Two hubs on one database: what one writes the other finds, and whichever of them indexes. */

let database: TestDatabase;
let hub: Hub;
let other: Hub;

beforeAll(async () => {
  database = await cloneDatabase();
  [hub, other] = await Promise.all([start(), start()]);
});

/** Hubs on one database need the same keys, and share the files of exports. */
const shared = { SECRET_KEY: Buffer.alloc(32, 7).toString('base64'), EXPORT_DIR: newFolder('exports') };
const start = () => startHub({ database, env: shared });

afterAll(async () => {
  await Promise.all([hub?.stop(), other?.stop()]);
  await database?.drop();
});

const narrative = (text: string) => ({
  status: 'generated',
  div: `<div xmlns="http://www.w3.org/1999/xhtml"><p>${text}</p></div>`,
});

async function put(resource: { resourceType: string; id: string } & Record<string, unknown>, on = hub): Promise<void> {
  const answer = await request(on, 'PUT', `${resource.resourceType}/${resource.id}`, resource);
  expect([200, 201]).toContain(answer.status);
}

async function ids(path: string, on = hub): Promise<string[]> {
  const { status, json, text } = await request(on, 'GET', path);
  if (status !== 200) throw new Error(text);
  return ((json['entry'] ?? []) as { resource: { id: string } }[]).map(({ resource }) => resource.id).sort();
}

describe('searches by _text and _content', () => {
  beforeAll(async () => {
    await put({
      resourceType: 'Patient',
      id: 'bell',
      text: narrative('Bell, <b>Ali</b>ce &ndash; retired'),
      name: [{ family: 'Bell' }],
    });
    await put({ resourceType: 'Patient', id: 'cole', text: narrative('Cole, Nat'), name: [{ family: 'Cole' }], gender: 'male' });
    for (const [id, patient, text, note] of [
      ['liver', 'bell', 'Metastases of the liver', 'seen by ultrasound'],
      ['bone', 'cole', 'Bone metastases', 'X-ray, no ultrasound'],
      ['heart', 'bell', 'Heart failure', 'metastases ruled out'],
    ] as const)
      await put({
        resourceType: 'Condition',
        id,
        text: narrative(text),
        subject: { reference: `Patient/${patient}` },
        note: [{ text: note }],
        recordedDate: `2026-01-0${text.length % 9}`,
      });
  });

  test.each([
    ['Condition?_text=metastases', ['bone', 'liver']],
    ['Condition?_content=metastases', ['bone', 'heart', 'liver']],
    ['Condition?_text=(bone OR liver) and metastases', ['bone', 'liver']],
    ['Condition?_text=bone,heart', ['bone', 'heart']],
    ['Condition?_content="no ultrasound"', ['bone']],
    ['Condition?_content=ultrasound -x-ray', ['liver']],
    ['Condition?_content=ultra*&subject=Patient/bell', ['liver']],
    ['Condition?_text=metastases&_content=ultrasound&_sort=-_id&_count=5', ['bone', 'liver']],
    ['Condition?subject:Patient._text=alice', ['heart', 'liver']],
    ['Patient?_has:Condition:subject:_text=bone', ['cole']],
    ['Patient/bell/Condition?_content=metastases', ['heart', 'liver']],
    ['?_type=Patient,Condition&_text=retired,heart', ['bell', 'heart']],
    ['?_content=alice', ['bell']],
    ['Patient?_content=generalPractitioner', []],
  ])('%s', async (path, found) => {
    const [place = '', query = ''] = path.split('?');
    const encoded = `${place}?${new URLSearchParams(query).toString().replaceAll('%3A', ':')}`;
    expect(await ids(encoded)).toEqual(found);
    expect(await ids(encoded, other)).toEqual(found);
  });

  test('are counted, paged and told in the self link', async () => {
    const { json } = await request(hub, 'GET', 'Condition?_content=metastases&_count=1&_total=accurate');
    expect(json['total']).toBe(3);
    const links = json['link'] as { relation: string; url: string }[];
    expect(links.find(({ relation }) => relation === 'self')?.url).toContain('_content=metastases');
    const found: string[] = [];
    let next: string | undefined = `${hub.fhir}/Condition?_content=metastases&_count=1`;
    while (next !== undefined) {
      const page: RestAnswer = await request(hub, 'GET', next);
      found.push(...(page.json['entry'] as { resource: { id: string } }[]).map(({ resource }) => resource.id));
      next = (page.json['link'] as { relation: string; url: string }[]).find(({ relation }) => relation === 'next')?.url;
    }
    expect(found.sort()).toEqual(['bone', 'heart', 'liver']);
  });

  test('decide conditional writes', async () => {
    const create = (headers: Record<string, string>) =>
      request(hub, 'POST', 'Basic', { resourceType: 'Basic', code: { text: 'xyzzyword' } }, headers);
    expect((await create({ 'if-none-exist': '_content=xyzzyword' })).status).toBe(201);
    expect((await create({ 'if-none-exist': '_content=xyzzyword' })).status).toBe(200);
  });

  test('are listed in /metadata for every type', async () => {
    const { json } = await request(hub, 'GET', 'metadata');
    for (const { searchParam } of json['rest'][0].resource as { searchParam: { name: string }[] }[])
      expect(searchParam.map(({ name }) => name)).toEqual(expect.arrayContaining(['_text', '_content']));
  });

  test('secrets are not found by them', async () => {
    await put({
      resourceType: 'Endpoint',
      id: 'lab',
      status: 'off',
      name: 'Laboratory',
      connectionType: { code: 'hl7-fhir-rest' },
      payloadType: [{ text: 'any' }],
      address: 'http://127.0.0.1:1/fhir',
      header: ['Authorization: Bearer topsecretword'],
    });
    expect(await ids('Endpoint?_content=laboratory')).toEqual(['lab']);
    for (const word of ['topsecretword', 'bearer', 'authorization', 'sealed*'])
      expect(await ids(`Endpoint?_content=${word}`)).toEqual([]);
  });

  test.each([
    '_text=',
    '_text=%00',
    '_text=AND',
    '_text=((((',
    '_content=%22',
    '_content=-',
    '_text:exact=a',
    '_content=word+…',
    '_content=a…',
    '_content=:*',
  ])('%s is a 400 that names the parameter', async (written) => {
    // As far as it goes: 900 words, or 5,000 letters.
    const query = written.replace('word+…', 'word+'.repeat(900)).replace('a…', 'a'.repeat(5000));
    for (const prefer of ['handling=strict', 'handling=lenient']) {
      const { status, issue } = await request(hub, 'GET', `Patient?${query}`, undefined, { prefer });
      expect(status).toBe(400);
      expect(issue['expression']).toEqual([query.slice(0, query.indexOf('='))]);
    }
  });

  test.each([
    "'; DROP TABLE resource_words; --",
    'a:*B & !c',
    '<script>alert(1)</script>',
    '\\',
    'a\u0000b',
    '\u{10ffff} a',
    '%_',
  ])('%s is text or a 400, never more', async (text) => {
    const { status } = await request(hub, 'GET', `Patient?_content=${encodeURIComponent(text)}`);
    expect([200, 400]).toContain(status);
  });
});

test('a Subscription hears of exactly the changes whose words match', async () => {
  const receiver = await EndpointReceiver.start();
  try {
    const client = new Client(hub);
    const subscribe = async (path: string, criteria: string) => {
      await client.create({ ...classicSubscription(receiver.url(path), { payload: 'application/fhir+json' }), criteria });
      return path;
    };
    const heard = async (path: string) => {
      const last = `${path}/Condition/last`;
      await receiver.waitForCount(1, (told) => told.path === last);
      return receiver.received.filter((told) => told.path.startsWith(`${path}/`)).map(({ json }) => shown(json as Json));
    };
    const shown = ({ id, meta }: Json) => `${String(id)} ${String((meta as Json)['versionId'])}`;
    const byText = await subscribe('/text', 'Condition?_text=thrombosis -leg&verification-status=confirmed');
    const byContent = await subscribe('/content', 'Condition?_content="deep vein" OR thrombo*');
    const condition = (id: string, text: string, note: string) =>
      put({
        resourceType: 'Condition',
        id,
        text: narrative(text),
        verificationStatus: {
          coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-ver-status', code: 'confirmed' }],
        },
        subject: { reference: 'Patient/bell' },
        note: [{ text: note }],
      });
    await condition('arm', 'Thrombosis of the arm', 'acute');
    await condition('leg', 'Thrombosis of the leg', 'acute');
    await condition('noted', 'Swelling', 'a deep vein, thought of');
    await condition('not', 'Swelling', 'a vein, deep down');
    // Stops matching, in both parts and in one; matches again; goes.
    await condition('arm', 'Healed', 'well');
    await condition('noted', 'Thrombosis', 'found');
    await condition('not', 'Swelling', 'thrombophlebitis');
    await condition('arm', 'Thrombosis of the arm', 'again');
    await request(hub, 'DELETE', 'Condition/arm');
    await condition('last', 'Thrombosis', 'of another');
    expect(await heard(byText)).toEqual(['arm 1', 'noted 2', 'arm 3', 'last 1']);
    expect(await heard(byContent)).toEqual(['arm 1', 'leg 1', 'noted 1', 'noted 2', 'not 2', 'arm 3', 'last 1']);
  } finally {
    await receiver.close();
  }
});

test('an export by _text and _content holds what matched at its time, wherever the index stood', async () => {
  await put({ resourceType: 'Specimen', id: 'said', text: narrative('Swab, xylograph'), note: [{ text: 'nothing' }] });
  await put({ resourceType: 'Specimen', id: 'noted', text: narrative('Swab'), note: [{ text: 'a xylograph too' }] });
  await put({ resourceType: 'Specimen', id: 'both', text: narrative('Swab, xylograph'), note: [{ text: 'spoilt' }] });
  await put({ resourceType: 'Specimen', id: 'gone', text: narrative('xylograph') });
  await request(hub, 'DELETE', 'Specimen/gone');
  const address = (filter: string) => `${hub.fhir}/$export?_type=Specimen&_typeFilter=${encodeURIComponent(filter)}`;
  const filters = [
    'Specimen?_text=xylograph',
    'Specimen?_content=xylograph -spoilt',
    'Specimen?_text="swab xylograph"&_content=spoilt',
  ];
  const begun = await Promise.all(filters.map((filter) => kickOff(address(filter))));
  // Too late for all of them.
  await put({ resourceType: 'Specimen', id: 'late', text: narrative('Swab, xylograph'), note: [{ text: 'spoilt' }] });
  await put({ resourceType: 'Specimen', id: 'said', text: narrative('Swab') });
  const found = await Promise.all(begun.map(async (status) => exported(await manifestOf(status))));
  expect(found).toEqual([['Specimen/both', 'Specimen/said'], ['Specimen/noted', 'Specimen/said'], ['Specimen/both']]);
});

describe('a search sees every write that was answered before it began', () => {
  test('while others write, update and delete, on either hub', async () => {
    const lanes = Array.from({ length: 4 }, (_, lane) => lane);
    await Promise.all(
      lanes.map(async (lane) => {
        const [writes, reads] = lane % 2 === 0 ? [hub, other] : [other, hub];
        for (let n = 0; n < 6; n++) {
          const id = `lane${lane}-${n}`;
          const [first, second] = [`first${lane}x${n}`, `second${lane}x${n}`];
          await put({ resourceType: 'Basic', id, code: { text: `common ${first}` } }, writes);
          expect(await ids(`Basic?_content=${first}`, reads)).toEqual([id]);
          await put({ resourceType: 'Basic', id, code: { text: `common ${second}` } }, writes);
          expect(await ids(`Basic?_content=${first}`, reads)).toEqual([]);
          expect(await ids(`Basic?_content=common ${second}`, reads)).toEqual([id]);
          if (n % 3 !== 0) continue;
          await request(writes, 'DELETE', `Basic/${id}`);
          expect(await ids(`Basic?_content=${second}`, reads)).toEqual([]);
        }
      }),
    );
  });

  test('what matches before and after an update is never missed meanwhile', async () => {
    await put({ resourceType: 'Basic', id: 'steady', code: { text: 'evergreen 0' } });
    let writing = true;
    const writer = (async () => {
      for (let n = 1; n <= 30; n++) await put({ resourceType: 'Basic', id: 'steady', code: { text: `evergreen ${n}` } });
      writing = false;
    })();
    while (writing) expect(await ids('Basic?_content=evergreen', other)).toEqual(['steady']);
    await writer;
  });

  test('also when the hub that indexes is killed; the other takes over', async () => {
    await other.kill();
    for (let n = 0; n < 30; n++) await put({ resourceType: 'Basic', id: `after${n}`, code: { text: 'aftermath' } });
    expect(await ids('Basic?_content=aftermath&_count=100')).toHaveLength(30);
    const rows = new Database(database.url, 1, () => undefined);
    try {
      await waitFor(async () => (await rows.rows<{ changes: number }>(UNINDEXED_CHANGES, [1]))[0]?.changes === 0, {
        what: 'everything to be indexed',
      });
    } finally {
      await rows.close();
    }
    expect(await ids('Basic?_content=aftermath&_count=100')).toHaveLength(30);
  });
});
