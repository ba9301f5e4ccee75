/* eslint-disable @typescript-eslint/no-explicit-any -- tests look into any resource */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { exported, kickOff, linesOf, manifestOf } from '../support/bulk-export.js';
import { type Hub, startHub } from '../support/start-hub.js';
import { waitFor } from '../support/wait-for.js';

let hub: Hub;
let r4: string;

beforeAll(async () => {
  hub = await startHub({ env: { EXPORT_JOBS: '50' } });
  r4 = `${hub.url}/fhir/r4`;
  await put('Patient/ann', { name: [{ family: 'Ash' }] });
  await put('Patient/bob', { name: [{ family: 'Birch' }] });
  await put('Patient/cat', { name: [{ family: 'Cedar' }] });
  await put('Group/few', {
    type: 'person',
    actual: true,
    member: [{ entity: { reference: 'Patient/ann' } }, { entity: { reference: 'Patient/cat' }, inactive: true }],
  });
  await put('Observation/of-ann', observation('Patient/ann', 'final'));
  await put('Observation/of-bob', observation(`${hub.fhir}/Patient/bob`, 'preliminary'));
  await put('Observation/of-nobody', observation('Device/x', 'final'));
  await put('Organization/clinic', { name: 'Clinic' });
  await putText(
    'Observation/digits',
    '{"resourceType":"Observation","id":"digits","status":"registered","code":{"text":"\\n – ü"},"valueQuantity":{"value":1.2300000000000000000}}',
  );
  await put('Subscription/secretive', {
    status: 'off',
    reason: 'export',
    criteria: 'Observation?status=final',
    channel: { type: 'rest-hook', endpoint: 'http://127.0.0.1:9/x', header: ['Authorization: Bearer hunter2hunter2'] },
  });
  const addresses = Object.values(TOGETHER).map((path) => `${path === TOGETHER.topics ? r4 : hub.fhir}/${path}`);
  await Promise.all(addresses.map(async (address) => begun.set(address, await kickOff(address))));
});
afterAll(() => hub?.stop());

async function put(path: string, rest: object): Promise<void> {
  const [resourceType, id] = path.split('/');
  await putText(path, JSON.stringify({ resourceType, id, ...rest }));
}

async function putText(path: string, body: string): Promise<void> {
  const answer = await fetch(`${hub.fhir}/${path}`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/fhir+json' },
    body,
  });
  if (!answer.ok) throw new Error(await answer.text());
}

const observation = (subject: string, status: string) => ({ status, code: { text: 'x' }, subject: { reference: subject } });

/** The manifest of an export, begun now unless it was with the others. */
const run = async (query: string, base = hub.fhir) =>
  manifestOf(begun.get(`${base}/${query}`) ?? (await kickOff(`${base}/${query}`)));

/** Exports that are begun together, as each takes some seconds to see that all earlier writes have ended. */
const begun = new Map<string, string>();
const TOGETHER = {
  compartments: 'Patient/$export',
  group: 'Group/few/$export?_type=Patient,Observation',
  filters: `$export?_type=Observation,Patient&_typeFilter=${encodeURIComponent(
    'Observation?status=preliminary,Observation?subject=Patient/ann&status=final,amended',
  )}&_typeFilter=Patient%3Ffamily%3Dbir`,
  digits: '$export?_type=Observation,Subscription&_typeFilter=Observation?status=registered',
  topics: '$export?_type=Basic',
  patients: '$export?_type=Patient',
};

describe('an export', () => {
  test('of the system holds every resource once, told by an absolute manifest', async () => {
    const address = `${hub.fhir}/$export?_type=Patient,Observation,Organization`;
    const manifest = await manifestOf(await kickOff(address));
    expect(manifest).toMatchObject({ request: address, requiresAccessToken: false, error: [] });
    expect(manifest.output.map(({ type, count }) => [type, count])).toEqual([
      ['Observation', 4],
      ['Organization', 1],
      ['Patient', 3],
    ]);
    expect(manifest.output.every(({ url }) => url.startsWith(`${hub.url}/bulk/`))).toBe(true);
    expect(manifest.deleted).toBeUndefined();
    expect((await exported(manifest)).sort()).toEqual(
      ['Observation/digits', 'Observation/of-ann', 'Observation/of-bob', 'Observation/of-nobody', 'Organization/clinic']
        .concat(['Patient/ann', 'Patient/bob', 'Patient/cat'])
        .sort(),
    );
  });

  test('of all Patients holds their compartments and nothing else', async () => {
    const found = await exported(await run(TOGETHER.compartments));
    expect(found).toEqual(expect.arrayContaining(['Observation/of-ann', 'Observation/of-bob', 'Patient/cat', 'Group/few']));
    expect(found).not.toContain('Observation/of-nobody');
    expect(found).not.toContain('Organization/clinic');
  });

  test('of a Group holds the compartments of its active members', async () => {
    expect(await exported(await run(TOGETHER.group))).toEqual(['Observation/of-ann', 'Patient/ann']);
  });

  test('is narrowed by several _typeFilter, any of which suffices for a type', async () => {
    const manifest = await run(TOGETHER.filters);
    expect(await exported(manifest)).toEqual(['Observation/of-ann', 'Observation/of-bob', 'Patient/bob']);
  });

  test('takes its parameters from a Parameters resource, too', async () => {
    const body = JSON.stringify({
      resourceType: 'Parameters',
      parameter: [
        { name: '_type', valueString: 'Patient' },
        { name: '_typeFilter', valueString: 'Patient?family=Cedar' },
        { name: '_outputFormat', valueString: 'application/fhir+ndjson' },
      ],
    });
    const status = await kickOff(`${hub.fhir}/$export`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/fhir+json' },
      body,
    });
    expect(await exported(await manifestOf(status))).toEqual(['Patient/cat']);
  });

  test('since the last one holds what changed and what was deleted, each exactly there', async () => {
    await put('Location/stays', { name: 'stays' });
    await put('Location/goes', { name: 'goes' });
    await put('Location/changes', { name: 'before' });
    const first = await run('$export?_type=Location');
    expect(await exported(first)).toEqual(['Location/changes', 'Location/goes', 'Location/stays']);
    await put('Location/changes', { name: 'after' });
    await put('Location/new', { name: 'new' });
    await fetch(`${hub.fhir}/Location/goes`, { method: 'DELETE' });
    const next = await run(`$export?_type=Location&_since=${encodeURIComponent(first.transactionTime)}`);
    expect(await exported(next)).toEqual(['Location/changes', 'Location/new']);
    expect(next.deleted).toMatchObject([{ type: 'Bundle', count: 1 }]);
    expect(await linesOf(next.deleted![0]!.url)).toEqual([
      { resourceType: 'Bundle', type: 'transaction', entry: [{ request: { method: 'DELETE', url: 'Location/goes' } }] },
    ]);
    const last = await run(`$export?_type=Location&_since=${encodeURIComponent(next.transactionTime)}`);
    expect([last.output, last.deleted]).toEqual([[], []]);
  });

  test('keeps every digit and masks secrets', async () => {
    const manifest = await run(TOGETHER.digits);
    const [observations, subscriptions] = await Promise.all(manifest.output.map(async ({ url }) => (await fetch(url)).text()));
    expect(observations).toContain('1.2300000000000000000');
    expect(observations!.split('\n')).toHaveLength(2);
    expect(subscriptions).toContain('Authorization');
    expect(subscriptions).not.toContain('hunter2');
  });

  test('at the base of R4 shows topics as Basic and has no types that R4 lacks', async () => {
    const basics = await linesOf((await run(TOGETHER.topics, r4)).output[0]!.url);
    expect(basics.length).toBeGreaterThan(0);
    expect(basics.every(({ resourceType }) => resourceType === 'Basic')).toBe(true);
    const refused = await fetch(`${r4}/$export?_type=SubscriptionTopic`, { headers: { Prefer: 'respond-async' } });
    expect(refused.status).toBe(400);
  });
});

describe('the files of an export', () => {
  test('are read in parts, and not at all where the client has them', async () => {
    const [file] = (await run(TOGETHER.patients)).output;
    const plain = { Accept: 'application/fhir+ndjson', 'Accept-Encoding': 'identity' };
    const whole = await fetch(file!.url, { headers: plain });
    expect(whole.headers.get('content-type')).toBe('application/fhir+ndjson');
    expect(whole.headers.get('accept-ranges')).toBe('bytes');
    const text = await whole.text();
    const etag = whole.headers.get('etag')!;
    const part = await fetch(file!.url, { headers: { Range: 'bytes=10-19', 'If-Range': etag } });
    expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([
      206,
      `bytes 10-19/${String(Buffer.byteLength(text))}`,
      text.slice(10, 20),
    ]);
    const tail = await fetch(file!.url, { headers: { Range: 'bytes=-5' } });
    expect(await tail.text()).toBe(text.slice(-5));
    expect((await fetch(file!.url, { headers: { Range: 'bytes=999999-' } })).status).toBe(416);
    expect((await fetch(file!.url, { headers: { ...plain, 'If-None-Match': etag } })).status).toBe(304);
    const head = await fetch(file!.url, { method: 'HEAD', headers: plain });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(Buffer.byteLength(text))]);
    const packed = await fetch(file!.url, { headers: { 'Accept-Encoding': 'gzip' } });
    expect([packed.headers.get('content-encoding'), await packed.text()]).toEqual(['gzip', text]);
    expect(packed.headers.get('etag')).not.toBe(etag);
  });

  test('go with the export when it is ended, and its status is gone', async () => {
    const status = await kickOff(`${hub.fhir}/$export?_type=Patient`);
    const manifest = await manifestOf(status);
    const job = status.split('/').at(-1)!;
    const folder = join(hub.dataDir, 'exports', job);
    expect(readdirSync(folder)).toEqual(['Patient.ndjson']);
    expect((await fetch(status)).headers.get('expires')).not.toBeNull();
    expect((await fetch(status, { method: 'DELETE' })).status).toBe(202);
    expect(existsSync(folder)).toBe(false);
    expect((await fetch(status)).status).toBe(404);
    expect((await fetch(status, { method: 'DELETE' })).status).toBe(404);
    expect((await fetch(manifest.output[0]!.url)).status).toBe(404);
  });
});

describe('an export that is not done', () => {
  test('says so, with its progress and when to ask again, and can be ended', async () => {
    const status = await kickOff(`${hub.fhir}/$export`);
    const answer = await fetch(status);
    expect(answer.status).toBe(202);
    expect(answer.headers.get('x-progress')!.length).toBeLessThan(100);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect((await fetch(status, { method: 'DELETE' })).status).toBe(202);
    expect((await fetch(status)).status).toBe(404);
    await waitFor(() => !existsSync(join(hub.dataDir, 'exports', status.split('/').at(-1)!)), { what: 'its folder to be gone' });
  });

  test('is known at the base it was begun at alone', async () => {
    const status = await kickOff(`${hub.fhir}/$export?_type=Patient`);
    expect((await fetch(status.replace('/r4b/', '/r4/'))).status).toBe(404);
  });
});

describe('a request for an export is refused', () => {
  test.each([
    ['an unknown parameter', '$export?_elements=id', 400, '_elements'],
    ['a format that is not made', '$export?_outputFormat=text/csv', 400, '_outputFormat'],
    ['a since that is no instant', '$export?_since=2026', 400, '_since'],
    ['a since that is no day', '$export?_since=2026-02-31T99:00:00Z', 400, '_since'],
    ['two sinces', '$export?_since=2026-01-01T00:00:00Z&_since=2026-01-01T00:00:00Z', 400, '_since'],
    ['an unknown type', '$export?_type=Patient,Nonsense', 400, '_type'],
    ['an empty type', '$export?_type=', 400, '_type'],
    ['a type never stored', '$export?_type=OperationOutcome', 400, '_type'],
    ['a type outside the compartment', 'Patient/$export?_type=Organization', 400, '_type'],
    ['a filter that is no search', '$export?_typeFilter=status%3Dfinal', 400, '_typeFilter'],
    ['a filter of another type', '$export?_type=Patient&_typeFilter=Observation%3Fstatus%3Dfinal', 400, '_typeFilter'],
    ['a filter by an unknown parameter', "$export?_typeFilter=Patient%3Fnonsense%3D'%3Bdrop", 400, '_typeFilter'],
    ['a filter by a malformed value', '$export?_typeFilter=Patient%3Fbirthdate%3Dyesterday', 400, '_typeFilter'],
    ['a filter that sorts', '$export?_typeFilter=Patient%3F_sort%3Dname', 400, '_typeFilter'],
    ['a filter that looks elsewhere', '$export?_typeFilter=Observation%3Fsubject.name%3Dx', 400, '_typeFilter'],
    ['a NUL character', '$export?_type=Patient%00', 400, '_type'],
    ['a Group that is not there', 'Group/nobody/$export', 404, undefined],
    ['a Group id that is none', "Group/a'b/$export", 404, undefined],
  ])('%s', async (_what, path, status, expression) => {
    const answer = await fetch(`${hub.fhir}/${path}`, { headers: { Prefer: 'respond-async' } });
    const { resourceType, issue } = (await answer.json()) as any;
    expect([answer.status, resourceType, issue[0].expression?.[0]]).toEqual([status, 'OperationOutcome', expression]);
  });

  test('without Prefer: respond-async', async () => {
    const answer = await fetch(`${hub.fhir}/$export`);
    expect([answer.status, ((await answer.json()) as any).issue[0].expression]).toEqual([400, ['Prefer']]);
  });

  test.each([
    ['no Parameters', { resourceType: 'Patient' }, 'Parameters'],
    ['a parameter without a name', { resourceType: 'Parameters', parameter: [{}] }, 'Parameters.parameter[0].name'],
    [
      'a parameter without a value',
      { resourceType: 'Parameters', parameter: [{ name: '_type' }] },
      'Parameters.parameter[0].value[x]',
    ],
    ['a list that is none', { resourceType: 'Parameters', parameter: 1 }, 'Parameters.parameter'],
  ])('with a body that is %s', async (_what, body, expression) => {
    const answer = await fetch(`${hub.fhir}/$export`, {
      method: 'POST',
      headers: { Prefer: 'respond-async', 'Content-Type': 'application/fhir+json' },
      body: JSON.stringify(body),
    });
    expect([answer.status, ((await answer.json()) as any).issue[0].expression]).toEqual([400, [expression]]);
  });

  test.each(['nonsense', '00000000-0000-0000-0000-000000000000', '..%2F..%2Fetc', "'%20OR%201=1"])(
    'the status %s is not found',
    async (job) => {
      expect((await fetch(`${hub.fhir}/$export-status/${job}`)).status).toBe(404);
      expect((await fetch(`${hub.url}/bulk/${job}/Patient.ndjson`)).status).toBe(404);
    },
  );

  test('a file that is none of the export, whatever its name leads to', async () => {
    const { output } = await run(TOGETHER.patients);
    const base = output[0]!.url.replace(/[^/]+$/, '');
    for (const name of ['..%2F.folder-id', '%2Fetc%2Fpasswd', 'Observation.ndjson'])
      expect((await fetch(base + name)).status).toBe(404);
  });
});
