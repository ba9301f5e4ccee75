import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { polledSource } from '../../demo/subscriptions.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { waitFor } from '../support/wait-for.js';

let lab: Hub;
let ward: Hub;

beforeAll(async () => {
  [lab, ward] = await Promise.all([startHub(), startHub()]);
});

afterAll(async () => {
  await Promise.all([lab?.stop(), ward?.stop()]);
});

type Json = Record<string, unknown> & { meta: { versionId: string; source?: string } };

async function send(method: string, url: string, body?: object | string): Promise<{ status: number; text: string; json: Json }> {
  const headers = body === undefined ? {} : { 'content-type': 'application/fhir+json' };
  const answer = await fetch(url, { method, headers, body: typeof body === 'object' ? JSON.stringify(body) : (body ?? null) });
  const text = await answer.text();
  return { status: answer.status, text, json: (text === '' ? {} : JSON.parse(text)) as Json };
}

async function idsOf(hub: Hub, type: string): Promise<string[]> {
  const { json } = await send('GET', `${hub.fhir}/${type}?_count=200`);
  return ((json['entry'] ?? []) as { resource: { id: string } }[]).map(({ resource }) => resource.id).sort();
}

const comes = async (url: string, status = 200) =>
  waitFor(async () => (await send('GET', url)).status === status, { what: `${status} for ${url}` });

test('what one hub takes in, another that polls it has too: versions, deletes, references and digits', async () => {
  const observation =
    '{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"},"valueQuantity":{"value":1.50}}';
  await send('PUT', `${lab.fhir}/Patient/p`, { resourceType: 'Patient', id: 'p', birthDate: '1970-01-01' });
  await send('PUT', `${lab.fhir}/Patient/p`, { resourceType: 'Patient', id: 'p', birthDate: '1971-01-01' });
  await send('PUT', `${lab.fhir}/Observation/o`, observation);
  expect((await send('PUT', `${ward.fhir}/Endpoint/lab`, polledSource('lab', lab.fhir, 'lab-', 1))).status).toBe(201);
  await comes(`${ward.fhir}/Observation/lab-o`);

  const taken = await send('GET', `${ward.fhir}/Observation/lab-o`);
  expect(taken.json['subject']).toEqual({ reference: 'Patient/lab-p' });
  expect(taken.json.meta.source).toBe(lab.fhir);
  expect(taken.text).toContain('"value":1.50');
  const history = (await send('GET', `${ward.fhir}/Patient/lab-p/_history`)).json['entry'] as { resource: Json }[];
  expect(history.map(({ resource }) => resource['birthDate'])).toEqual(['1971-01-01', '1970-01-01']);

  await send('DELETE', `${lab.fhir}/Observation/o`);
  await comes(`${ward.fhir}/Observation/lab-o`, 410);
  await send('PUT', `${lab.fhir}/Observation/o`, observation);
  await comes(`${ward.fhir}/Observation/lab-o`);
});

test('hubs that poll each other do not pass anything to and fro', async () => {
  await send('PUT', `${lab.fhir}/Organization/at-lab`, { resourceType: 'Organization', id: 'at-lab', name: 'Laboratory' });
  await send('PUT', `${ward.fhir}/Organization/at-ward`, { resourceType: 'Organization', id: 'at-ward', name: 'Ward' });
  await send('PUT', `${lab.fhir}/Endpoint/ward`, polledSource('ward', ward.fhir, 'ward-', 1));
  await comes(`${ward.fhir}/Organization/lab-at-lab`);
  await comes(`${lab.fhir}/Organization/ward-at-ward`);
  // Two more rounds in both directions have passed when these have arrived.
  for (const round of ['a', 'b']) {
    await send('PUT', `${lab.fhir}/Location/${round}`, { resourceType: 'Location', id: round, name: round });
    await comes(`${ward.fhir}/Location/lab-${round}`);
    await send('PUT', `${ward.fhir}/Location/w${round}`, { resourceType: 'Location', id: `w${round}`, name: round });
    await comes(`${lab.fhir}/Location/ward-w${round}`);
  }
  expect(await idsOf(lab, 'Organization')).toEqual(['at-lab', 'ward-at-ward']);
  expect(await idsOf(ward, 'Organization')).toEqual(['at-ward', 'lab-at-lab']);
  expect((await send('GET', `${lab.fhir}/Organization/ward-at-ward`)).json.meta.versionId).toBe('1');
});

test('a source that is off is left alone, and read on from where it was once it is active again', async () => {
  const endpoint = polledSource('lab', lab.fhir, 'lab-', 1);
  await send('PUT', `${ward.fhir}/Endpoint/lab`, { ...endpoint, status: 'off' });
  // A poll that was under way may still bring the first of them.
  let left: string | undefined;
  for (let n = 1; left === undefined; n++) {
    await send('PUT', `${lab.fhir}/Device/d${n}`, { resourceType: 'Device', id: `d${n}` });
    // The other direction still runs: when something written now has come through it twice, a poll of the lab would have been due too.
    for (const round of ['a', 'b']) {
      await send('PUT', `${ward.fhir}/Device/w${n}${round}`, { resourceType: 'Device', id: `w${n}${round}` });
      await comes(`${lab.fhir}/Device/ward-w${n}${round}`);
    }
    if ((await send('GET', `${ward.fhir}/Device/lab-d${n}`)).status === 404) left = `${ward.fhir}/Device/lab-d${n}`;
  }
  await send('PUT', `${ward.fhir}/Endpoint/lab`, endpoint);
  await comes(left);
  expect((await send('GET', `${ward.fhir}/Patient/lab-p`)).json.meta.versionId).toBe('2');
});

test('an Endpoint that makes no sense as a source is refused by the name of its element', async () => {
  const { status, json } = await send('PUT', `${ward.fhir}/Endpoint/bad`, polledSource('bad', lab.fhir, 'b/d', 1));
  expect(status).toBe(422);
  expect(json['issue']).toEqual([expect.objectContaining({ expression: ['Endpoint.extension[0].extension[2].valueString'] })]);
  expect((await send('PUT', `${ward.fhir}/Endpoint/self`, polledSource('self', ward.fhir, 'self-', 1))).status).toBe(422);
});
