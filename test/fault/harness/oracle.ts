import { keyOf, type StoredVersion } from './arrival.js';

/** Whether a subscription is to hear of a version, said in JavaScript by the test, with nothing of `src/`. */
export type Concerns = (version: StoredVersion, previous: StoredVersion | undefined) => boolean;

/**
 * Every version of the given types, those of one resource in their order: what was written is what the history shows, maybes included.
 * @throws Error where the hub does not answer or a version of a resource is missing in between
 */
export async function readHistory(base: string, types: readonly string[]): Promise<StoredVersion[]> {
  const versions: StoredVersion[] = [];
  for (const type of types) {
    let next: string | undefined = `${base}/${type}/_history?_count=1000`;
    while (next !== undefined) {
      const answer: Response = await fetch(next);
      if (!answer.ok) throw new Error(`${next}: ${answer.status}`);
      const page = (await answer.json()) as HistoryPage;
      for (const entry of page.entry ?? []) versions.push(versionOf(entry));
      const link = page.link.find(({ relation }) => relation === 'next')?.url;
      // Whatever address the hub gives as its own, the one asked is the one that answers.
      next = link === undefined ? undefined : `${base}/${type}/_history${new URL(link).search}`;
    }
  }
  return inOrder(versions);
}

interface HistoryPage {
  link: { relation: string; url: string }[];
  entry?: {
    fullUrl: string;
    resource?: Record<string, unknown>;
    request: { method: string };
    response: { status: string; etag: string };
  }[];
}

function versionOf({ fullUrl, resource, request, response }: NonNullable<HistoryPage['entry']>[number]): StoredVersion {
  const [type, id] = fullUrl.split('/').slice(-2) as [string, string];
  const kind = request.method === 'DELETE' ? 'delete' : response.status === '201' ? 'create' : 'update';
  return { type, id, version: Number(/\d+/.exec(response.etag)![0]), kind, resource };
}

function inOrder(versions: readonly StoredVersion[]): StoredVersion[] {
  const resources = Map.groupBy(versions, ({ type, id }) => `${type}/${id}`);
  return [...resources].flatMap(([name, its]) => {
    const sorted = its.toSorted((one, other) => one.version - other.version);
    sorted.forEach(({ version }, index) => {
      if (version !== index + 1) throw new Error(`The history of ${name} has version ${version} as number ${index + 1}`);
    });
    return sorted;
  });
}

/** What each subscription must be told, from the history and a plain predicate each. */
export function expectedEvents(
  history: readonly StoredVersion[],
  subscriptions: Iterable<readonly [string, Concerns]>,
): Map<string, string[]> {
  const expected = new Map<string, string[]>();
  for (const [name, concerns] of subscriptions) {
    const told = history.filter((version, index) => {
      const before = history[index - 1];
      return concerns(version, version.version > 1 ? before : undefined);
    });
    expected.set(name, told.map(keyOf));
  }
  return expected;
}
