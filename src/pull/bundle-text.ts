import type { Change } from '../fhir/change.js';
import { type Issue, operationOutcome } from '../fhir/fhir-error.js';

export interface BundleLinks {
  self: string;
  next?: string;
}

export interface ResultPage {
  links: BundleLinks;
  total?: number;
  /** When the answer was made. */
  at: Date;
}

type Shown = Pick<Change, 'type' | 'id' | 'body'>;

/** A searchset Bundle made of stored texts as they are; `warnings` become an `outcome` entry. */
export function searchsetText(
  base: string,
  page: ResultPage & { matches: readonly Shown[]; included?: readonly Shown[]; warnings?: readonly Issue[] },
): string {
  const { matches, included = [] } = page;
  const entries = [
    ...matches.map((each) => searchEntry(base, each, 'match')),
    ...included.map((each) => searchEntry(base, each, 'include')),
  ];
  if (page.warnings !== undefined && page.warnings.length > 0) {
    entries.push(`{"resource":${JSON.stringify(operationOutcome(page.warnings))},"search":{"mode":"outcome"}}`);
  }
  return bundleText('searchset', page, entries);
}

function searchEntry(base: string, { type, id, body }: Shown, mode: 'match' | 'include'): string {
  return `{"fullUrl":${JSON.stringify(`${base}/${type}/${id}`)},"resource":${body ?? 'null'},"search":{"mode":"${mode}"}}`;
}

/** A history Bundle: each version with the request that would bring it about anew (bdl-3, bdl-4); a delete has no resource. */
export function historyText(base: string, page: ResultPage & { versions: readonly Change[] }): string {
  return bundleText(
    'history',
    page,
    page.versions.map((change) => historyEntry(base, change)),
  );
}

function historyEntry(base: string, change: Change): string {
  const local = `${change.type}/${change.id}`;
  const created = change.interaction === 'create';
  const deleted = change.interaction === 'delete';
  // A patch is shown as the update it came to: the entry carries the resource, not the patch.
  const method = deleted ? 'DELETE' : change.method === 'POST' && created ? 'POST' : 'PUT';
  const request = { method, url: method === 'POST' ? change.type : local };
  const response = {
    status: deleted ? '204' : created ? '201' : '200',
    ...(deleted ? {} : { location: `${base}/${local}/_history/${String(change.version)}` }),
    etag: `W/"${String(change.version)}"`,
    lastModified: change.at.toISOString(),
  };
  const resource = change.body === null ? '' : `"resource":${change.body},`;
  return `{"fullUrl":${JSON.stringify(`${base}/${local}`)},${resource}"request":${JSON.stringify(request)},"response":${JSON.stringify(response)}}`;
}

/** A Bundle of entries that are JSON text already. */
export function bundleText(type: string, { links, total, at }: ResultPage, entries: readonly string[]): string {
  const link = [
    { relation: 'self', url: links.self },
    ...(links.next === undefined ? [] : [{ relation: 'next', url: links.next }]),
  ];
  const head = `{"resourceType":"Bundle","meta":{"lastUpdated":"${at.toISOString()}"},"type":"${type}"`;
  const counted = total === undefined ? '' : `,"total":${String(total)}`;
  const listed = entries.length === 0 ? '' : `,"entry":[${entries.join(',')}]`;
  return `${head}${counted},"link":${JSON.stringify(link)}${listed}}`;
}
