import { createHash } from 'node:crypto';
import { isExactNumber } from '../fhir/exact-json.js';
import type { JsonObject } from '../fhir/json-object.js';
import { isFhirId } from '../fhir/references.js';
import { PollFailure } from './poll-failure.js';

/** One version of one resource of the source, as its history lists it. */
export interface HistoryEntry {
  type: string;
  /** The source's own id. */
  id: string;
  /** `Type/id/version`: what de-duplication goes by. */
  key: string;
  versionId: string | undefined;
  /** The source's time of this version in milliseconds; undefined where it told none. */
  at: number | undefined;
  /** Undefined: a delete. */
  resource: JsonObject | undefined;
}

export interface HistoryPage {
  entries: HistoryEntry[];
  /** Entries that cannot be read, in words. */
  unreadable: string[];
  next: string | undefined;
  /** The source's clock when it made the page, where it told it in the Bundle. */
  madeAt: number | undefined;
}

/** Reads one page of a history; whatever is wrong with a single entry is told and left out. @throws PollFailure */
export function readHistoryPage(bundle: unknown): HistoryPage {
  if (!isObject(bundle) || bundle['resourceType'] !== 'Bundle') {
    throw new PollFailure(`The source answered with ${describe(bundle)} where a history Bundle was due.`);
  }
  const listed = bundle['entry'] ?? [];
  if (!Array.isArray(listed)) throw new PollFailure('The history Bundle of the source has an entry that is not a list.');
  const page: HistoryPage = {
    entries: [],
    unreadable: [],
    next: readNext(bundle['link']),
    madeAt: readInstant(isObject(bundle['meta']) ? bundle['meta']['lastUpdated'] : undefined),
  };
  listed.forEach((entry: unknown, index) => {
    const read = isObject(entry) ? readEntry(entry) : 'is not an object';
    if (typeof read === 'string') page.unreadable.push(`entry ${index} ${read}`);
    else page.entries.push(read);
  });
  return page;
}

function readEntry(entry: JsonObject): HistoryEntry | string {
  const request = isObject(entry['request']) ? entry['request'] : {};
  const response = isObject(entry['response']) ? entry['response'] : {};
  const resource = isObject(entry['resource']) ? entry['resource'] : undefined;
  const isDelete = request['method'] === 'DELETE';
  if (resource === undefined && !isDelete) return 'has neither a resource nor a DELETE';
  const named = isDelete ? (identityOf(request['url']) ?? identityOf(entry['fullUrl'])) : identityOfResource(resource!);
  if (named === undefined) return 'does not say which resource it is about';
  const meta = !isDelete && isObject(resource!['meta']) ? resource!['meta'] : {};
  const at = readInstant(meta['lastUpdated']) ?? readInstant(response['lastModified']);
  const versionId = text(meta['versionId']) ?? versionOfEtag(response['etag']) ?? named.versionId;
  const version = versionId ?? versionless(at, isDelete ? undefined : resource);
  return {
    type: named.type,
    id: named.id,
    key: `${named.type}/${named.id}/${version}`,
    versionId,
    at,
    resource: isDelete ? undefined : resource,
  };
}

/** Sources without versions: time and content tell one version from another. */
function versionless(at: number | undefined, resource: JsonObject | undefined): string {
  const hash = createHash('sha256')
    .update(JSON.stringify(resource) ?? '')
    .digest('hex');
  return `@${at ?? ''}#${resource === undefined ? 'deleted' : hash.slice(0, 16)}`;
}

function identityOfResource(resource: JsonObject): { type: string; id: string; versionId?: string } | undefined {
  const type = resource['resourceType'];
  const id = resource['id'];
  return typeof type === 'string' && /^[A-Z][A-Za-z]{1,63}$/.test(type) && isFhirId(id) ? { type, id } : undefined;
}

/** `Type/id`, `Type/id/_history/version`, or the same under any base. */
function identityOf(url: unknown): { type: string; id: string; versionId?: string } | undefined {
  if (typeof url !== 'string' || url.length > 4_096) return undefined;
  const match = /(?:^|\/)([A-Z][A-Za-z]{1,63})\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/([A-Za-z0-9\-.]{1,64}))?$/.exec(url);
  return match === null ? undefined : { type: match[1]!, id: match[2]!, versionId: match[3] };
}

function versionOfEtag(etag: unknown): string | undefined {
  const match = typeof etag === 'string' ? /^(?:W\/)?"?([A-Za-z0-9\-.]{1,64})"?$/.exec(etag) : null;
  return match?.[1];
}

function readNext(links: unknown): string | undefined {
  if (!Array.isArray(links)) return undefined;
  const next: unknown = links.find((link) => isObject(link) && link['relation'] === 'next');
  return isObject(next) ? text(next['url']) : undefined;
}

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;

/** An instant in milliseconds; finer digits are cut off, which only makes the overlap a little longer. */
export function readInstant(value: unknown): number | undefined {
  if (typeof value !== 'string' || !INSTANT.test(value)) return undefined;
  const milliseconds = Date.parse(value);
  return Number.isNaN(milliseconds) ? undefined : milliseconds;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function describe(value: unknown): string {
  if (!isObject(value)) return 'something';
  const type = String(value['resourceType'] ?? 'an object').slice(0, 64);
  if (type !== 'OperationOutcome' || !Array.isArray(value['issue'])) return type;
  const [issue] = value['issue'] as unknown[];
  return `an OperationOutcome (${isObject(issue) ? String(issue['diagnostics'] ?? issue['code']).slice(0, 200) : 'no issue'})`;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isExactNumber(value);
}
