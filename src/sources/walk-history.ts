import { retryAfterMs } from '../outbound/retry-after.js';
import { type HistoryEntry, type HistoryPage, readHistoryPage } from './history-page.js';
import { PollFailure } from './poll-failure.js';
import type { SourceClient, SourceResponse } from './source-client.js';
import type { SourceDefinition } from './source-definition.js';

export interface WalkLimits {
  pages: number;
  /** Of all bodies of one walk together: it is held in memory, since a history comes newest first and is applied oldest first. */
  bytes: number;
}

export interface Walk<Kept> {
  /** Newest first, as the source listed them. */
  kept: Kept[];
  unreadable: string[];
  /** The source's clock when the walk began; undefined where it told none. */
  serverTime: number | undefined;
  pages: number;
}

/**
 * Reads a history to its last page. All of it or nothing: a page that fails ends the walk, and the next one begins again at the same
 * watermark. `keep` turns each entry into what is worth holding on to.
 * @throws PollFailure
 */
export async function walkHistory<Kept>(
  source: SourceDefinition,
  since: Date | null,
  client: SourceClient,
  parse: (body: Buffer) => unknown,
  keep: (entry: HistoryEntry) => Kept | undefined,
  limits: WalkLimits,
  signal: AbortSignal,
): Promise<Walk<Kept>> {
  const walk: Walk<Kept> = { kept: [], unreadable: [], serverTime: undefined, pages: 0 };
  const room = { bytes: limits.bytes };
  for (const scope of source.types.length === 0 ? [''] : source.types.map((type) => `${type}/`)) {
    const visited = new Set<string>();
    let url: string | undefined = firstPage(source, scope, since);
    while (url !== undefined) {
      if (visited.has(url)) throw new PollFailure(`The source's pages lead in a circle, back to ${clip(url)}.`);
      visited.add(url);
      if (++walk.pages > limits.pages)
        throw new PollFailure(`The history has more than ${limits.pages} pages; narrow the source by type.`);
      const response = await client.get(url, [['Accept', 'application/fhir+json'], ...source.headers], signal);
      const page = readResponse(response, url, parse, room);
      walk.serverTime ??= page.madeAt ?? readDate(response);
      walk.unreadable.push(...page.unreadable);
      for (const entry of page.entries) {
        const kept = keep(entry);
        if (kept !== undefined) walk.kept.push(kept);
      }
      url = page.next === undefined ? undefined : sameOrigin(page.next, url, source);
    }
  }
  return walk;
}

function firstPage(source: SourceDefinition, scope: string, since: Date | null): string {
  const from = since === null ? '' : `_since=${encodeURIComponent(since.toISOString())}&`;
  return `${source.address}/${scope}_history?${from}_count=${source.pageSize}`;
}

function readResponse(
  response: SourceResponse,
  url: string,
  parse: (body: Buffer) => unknown,
  room: { bytes: number },
): HistoryPage {
  if (response.status !== 200) {
    throw new PollFailure(
      `The source answered ${response.status} to ${clip(url)}.`,
      retryAfterMs(response.headers['retry-after'], readDate(response)),
    );
  }
  room.bytes -= response.body.length;
  if (room.bytes < 0) throw new PollFailure('The history is too large to be read in one go; narrow the source by type.');
  let bundle: unknown;
  try {
    bundle = parse(response.body);
  } catch (error) {
    throw new PollFailure(`The source answered with something that is no JSON: ${(error as Error).message.slice(0, 200)}`);
  }
  return readHistoryPage(bundle);
}

/** A page link may not lead away: the request carries the source's credentials, and the answer would be believed. */
function sameOrigin(next: string, from: string, source: SourceDefinition): string {
  const base = new URL(source.address);
  const url = URL.canParse(next, from) ? new URL(next, from) : undefined;
  if (url === undefined || url.origin !== base.origin)
    throw new PollFailure(`The source's next page is on another server: ${clip(next)}.`);
  return url.href;
}

function readDate(response: SourceResponse): number | undefined {
  const milliseconds = Date.parse(response.headers['date'] ?? '');
  return Number.isNaN(milliseconds) ? undefined : milliseconds;
}

function clip(url: string): string {
  return url.length > 200 ? `${url.slice(0, 200)}…` : url;
}
