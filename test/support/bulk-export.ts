import { waitFor } from './wait-for.js';

export interface Manifest {
  transactionTime: string;
  request: string;
  requiresAccessToken: boolean;
  output: { type: string; url: string; count: number }[];
  deleted?: { type: string; url: string; count: number }[];
  error: unknown[];
}

const ASYNC = { Accept: 'application/fhir+json', Prefer: 'respond-async' };

/** Asks for an export; the status address. */
export async function kickOff(address: string, init: RequestInit = {}): Promise<string> {
  const answer = await fetch(address, { ...init, headers: { ...ASYNC, ...(init.headers as Record<string, string>) } });
  if (answer.status !== 202) throw new Error(`${String(answer.status)} ${await answer.text()}`);
  return answer.headers.get('content-location')!;
}

/** Waits for the manifest. */
export async function manifestOf(status: string, milliseconds = 60_000): Promise<Manifest> {
  let manifest: Manifest | undefined;
  await waitFor(
    async () => {
      const answer = await fetch(status).catch(() => undefined);
      if (answer === undefined || answer.status === 202 || answer.status === 503) return false;
      if (answer.status !== 200) throw new Error(`${String(answer.status)} ${await answer.text()}`);
      manifest = (await answer.json()) as Manifest;
      return true;
    },
    { milliseconds, what: 'the export to be done' },
  );
  return manifest!;
}

/** The lines of a file, parsed. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into any resource
export async function linesOf(url: string): Promise<any[]> {
  const text = await (await fetch(url)).text();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

/** Everything that an export holds, as `Type/id`, in order. */
export async function exported(manifest: Manifest): Promise<string[]> {
  const lists = await Promise.all(manifest.output.map(({ url }) => linesOf(url)));
  return lists.flat().map(({ resourceType, id }) => `${resourceType}/${id}`);
}
