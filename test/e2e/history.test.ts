import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Bundle, BundleEntry } from 'fhir/r4b.js';

import { type Hub, startHub } from '../support/start-hub.js';

let hub: Hub;
let created: string;

beforeAll(async () => {
  hub = await startHub();
  const posted = await send('POST', 'Patient', { resourceType: 'Patient', active: true });
  created = ((await posted.json()) as { id: string }).id;
  await send('PUT', `Patient/${created}`, { resourceType: 'Patient', id: created, active: false });
  await send('DELETE', `Patient/${created}`);
  await send('PUT', 'Patient/q', { resourceType: 'Patient', id: 'q' });
  await send('PUT', 'Basic/b', { resourceType: 'Basic', id: 'b', code: { text: 'x' } });
});

afterAll(() => hub?.stop());

function send(method: string, path: string, body?: object) {
  return fetch(`${hub.fhir}/${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/fhir+json' } }),
  });
}

async function history(path: string): Promise<Bundle> {
  const response = await fetch(path.startsWith('http') ? path : `${hub.fhir}/${path}`);
  expect(response.status).toBe(200);
  return (await response.json()) as Bundle;
}

const versions = (bundle: Bundle) => (bundle.entry ?? []).map(nameOf);
const nameOf = ({ fullUrl, response }: BundleEntry) =>
  `${(fullUrl ?? '').split('/').slice(-2, -1)[0] ?? ''} ${response?.etag ?? ''}`;
const next = (bundle: Bundle) => bundle.link?.find(({ relation }) => relation === 'next')?.url;

describe('history', () => {
  test('of an instance: newest first, with request and response, deletes without a resource', async () => {
    const bundle = await history(`Patient/${created}/_history`);
    expect(bundle).toMatchObject({ resourceType: 'Bundle', type: 'history', total: 3 });
    expect(bundle.entry?.map(({ request, response, resource }) => [request, response?.status, resource?.resourceType])).toEqual([
      [{ method: 'DELETE', url: `Patient/${created}` }, '204', undefined],
      [{ method: 'PUT', url: `Patient/${created}` }, '200', 'Patient'],
      [{ method: 'POST', url: 'Patient' }, '201', 'Patient'],
    ]);
    expect(bundle.link?.[0]).toEqual({ relation: 'self', url: `${hub.fhir}/Patient/${created}/_history` });
  });

  test('of a type and of everything', async () => {
    expect(versions(await history('Patient/_history'))).toEqual([
      'Patient W/"1"',
      'Patient W/"3"',
      'Patient W/"2"',
      'Patient W/"1"',
    ]);
    expect(versions(await history('_history?_count=2'))[0]).toBe('Basic W/"1"');
  });

  test('in pages whose links lead on, while others write', async () => {
    const seen: string[] = [];
    let n = 0;
    for (let url: string | undefined = `${hub.fhir}/Patient/_history?_count=1`; url !== undefined;) {
      const bundle = await history(url);
      seen.push(...(bundle.entry ?? []).map((entry) => `${entry.fullUrl ?? ''} ${entry.response?.etag ?? ''}`));
      expect(bundle.entry).toHaveLength(1);
      await send('PUT', 'Patient/later', { resourceType: 'Patient', id: 'later', gender: n++ % 2 ? 'male' : 'female' });
      url = next(bundle);
    }
    expect(seen).toHaveLength(4);
    expect(new Set(seen).size).toBe(4);
  });

  test.each(['_history', 'Observation/_history', 'Observation/h0/_history'])(
    '%s in pages, while many write at once: what was there comes once, newest first',
    async (path) => {
      const write = (n: number) =>
        send('PUT', `Observation/h${String(n % 5)}`, {
          resourceType: 'Observation',
          id: `h${String(n % 5)}`,
          status: 'final',
          code: { text: `${path} ${String(n)}` },
        });
      for (let n = 0; n < 25; n += 1) await write(n);
      const before = (await history(`${path}?_count=1000`)).entry ?? [];
      const named = ({ fullUrl, response }: BundleEntry) => `${fullUrl ?? ''} ${response?.etag ?? ''}`;
      const seen: string[] = [];
      for (let url: string | undefined = `${hub.fhir}/${path}?_count=4`, n = 25; url !== undefined; n += 8) {
        const [bundle] = await Promise.all([history(url), ...Array.from({ length: 8 }, (_, more) => write(n + more))]);
        seen.push(...(bundle.entry ?? []).map(named));
        url = next(bundle);
      }
      expect(new Set(seen).size).toBe(seen.length);
      // The first page may show some of what was written beside it, in front.
      expect(seen.slice(-before.length)).toEqual(before.map(named));
    },
  );

  test('of everything leaves out, in R4, what that version of FHIR does not know', async () => {
    await send('PUT', 'SubscriptionTopic/h', {
      resourceType: 'SubscriptionTopic',
      id: 'h',
      url: 'http://example.org/topics/h',
      status: 'draft',
    });
    const [r4b, r4] = await Promise.all([history('_history?_count=1'), history(`${hub.url}/fhir/r4/_history?_count=1`)]);
    expect(versions(r4b)).toEqual(['SubscriptionTopic W/"1"']);
    expect(versions(r4)).not.toEqual(versions(r4b));
    expect((await history(`${hub.url}/fhir/r4/_history?_count=1000`)).entry?.map(nameOf)).not.toContain(
      'SubscriptionTopic W/"1"',
    );
  });

  test('_since includes its instant', async () => {
    const [entry] = (await history(`Patient/q/_history`)).entry ?? [];
    const since = entry?.response?.lastModified ?? '';
    expect((await history(`Patient/q/_history?_since=${since}`)).total).toBe(1);
    const later = new Date(Date.parse(since) + 1).toISOString();
    expect((await history(`Patient/q/_history?_since=${later}`)).total).toBe(0);
    expect((await history(`Patient/q/_history?_at=${since}`)).total).toBe(1);
  });

  test.each([
    ['Patient/never/_history', 404, undefined],
    ['Nonsense/_history', 404, undefined],
    ['Patient/_history?_count=0', 400, '_count'],
    ['Patient/_history?_count=1001', 400, '_count'],
    ['Patient/_history?_count=x', 400, '_count'],
    ['Patient/_history?_since=yesterday', 400, '_since'],
    ['Patient/_history?_since=2020-02-30', 400, '_since'],
    ["Patient/_history?_at=2020'", 400, '_at'],
    ['Patient/_history?_page=x', 400, '_page'],
    ['Patient/_history?_count=1&_count=2', 400, '_count'],
  ])('%s: %s', async (path, status, expression) => {
    const response = await fetch(`${hub.fhir}/${path}`);
    expect(response.status).toBe(status);
    const outcome = (await response.json()) as { issue: { expression?: string[] }[] };
    expect(outcome.issue[0]?.expression?.[0]).toBe(expression);
  });

  test('an unknown parameter is left out of the self link, or refused where handling is strict', async () => {
    const lenient = await history('Patient/_history?nonsense=1&_count=3');
    expect(lenient.link?.[0]?.url).toBe(`${hub.fhir}/Patient/_history?_count=3`);
    const strict = await fetch(`${hub.fhir}/Patient/_history?nonsense=1`, { headers: { prefer: 'handling=strict' } });
    expect(strict.status).toBe(400);
  });
});
