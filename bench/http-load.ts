import { Client } from 'undici';

export interface Request {
  method: 'GET' | 'POST' | 'PUT';
  path: string;
  body?: string;
}

export interface LoadResult {
  count: number;
  failed: number;
  seconds: number;
  rate: number;
  /** Milliseconds of each request. */
  latencies: number[];
}

/**
 * Keeps `connections` requests under way, one on each connection, until `count` are done; `perSecond` slows that down to an even pace.
 * Answers outside 200 to 299 count as failed.
 */
export async function load(
  url: string,
  connections: number,
  count: number,
  request: (n: number) => Request,
  options: { perSecond?: number; answered?: (n: number, at: number, body: string) => void } = {},
): Promise<LoadResult> {
  const latencies: number[] = [];
  let next = 0;
  let failed = 0;
  const started = performance.now();
  const one = async (): Promise<void> => {
    const client = new Client(url, { pipelining: 1 });
    while (next < count) {
      const n = next++;
      if (options.perSecond !== undefined) await until(started + (n / options.perSecond) * 1_000);
      const { method, path, body } = request(n);
      const sent = performance.now();
      const headers = body === undefined ? {} : { 'content-type': 'application/fhir+json' };
      const answer = await client.request({ method, path, body, headers });
      const text = options.answered === undefined ? (await answer.body.dump(), '') : await answer.body.text();
      const at = performance.now();
      latencies.push(at - sent);
      if (answer.statusCode >= 300) failed += 1;
      else options.answered?.(n, at, text);
    }
    await client.close();
  };
  await Promise.all(Array.from({ length: connections }, one));
  const seconds = (performance.now() - started) / 1_000;
  return { count, failed, seconds, rate: (count - failed) / seconds, latencies };
}

async function until(at: number): Promise<void> {
  const wait = at - performance.now();
  if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
}

/** Waits for a condition, at most `seconds`; says whether it came. */
export async function waitFor(holds: () => boolean, seconds: number): Promise<boolean> {
  const deadline = performance.now() + seconds * 1_000;
  while (!holds()) {
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return true;
}

/** Sends one resource; its id. @throws Error with the answer */
export async function create(fhir: string, resource: object | string): Promise<string> {
  const body = typeof resource === 'string' ? resource : JSON.stringify(resource);
  const type = (JSON.parse(body) as { resourceType: string }).resourceType;
  const answer = await fetch(`${fhir}/${type}`, { method: 'POST', body, headers: { 'content-type': 'application/fhir+json' } });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`POST ${type}: ${answer.status} ${text.slice(0, 500)}`);
  return (JSON.parse(text) as { id: string }).id;
}

/** Creates many in transactions of 100; their ids in order. */
export async function createAll(fhir: string, resources: readonly object[]): Promise<string[]> {
  const ids: string[] = [];
  for (let from = 0; from < resources.length; from += 100) {
    const entry = resources.slice(from, from + 100).map((resource) => ({
      resource,
      request: { method: 'POST', url: (resource as { resourceType: string }).resourceType },
    }));
    const body = JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry });
    const answer = await fetch(fhir, { method: 'POST', body, headers: { 'content-type': 'application/fhir+json' } });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`transaction: ${answer.status} ${text.slice(0, 500)}`);
    const { entry: entries } = JSON.parse(text) as { entry: { response: { location: string } }[] };
    ids.push(...entries.map(({ response }) => /([A-Za-z0-9\-.]+)\/_history/.exec(response.location)![1]!));
  }
  return ids;
}

/** Waits until every Subscription shows `active`. */
export async function untilActive(fhir: string, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const deadline = performance.now() + 60_000;
    for (;;) {
      const { status } = (await (await fetch(`${fhir}/Subscription/${id}`)).json()) as { status: string };
      if (status === 'active') break;
      if (performance.now() > deadline) throw new Error(`Subscription/${id} is still ${status} after a minute`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
