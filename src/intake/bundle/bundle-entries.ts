import { FhirError, type Issue } from '../../fhir/fhir-error.js';
import type { ParsedBundle, ParsedJson } from '../../fhir/json-text.js';

export type EntryMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** One entry of a batch or transaction: the request it stands for. */
export interface BundleEntry {
  index: number;
  method: EntryMethod;
  /** As written. */
  url: string;
  fullUrl?: string;
  /** The resource, as exact text and parsed. */
  resource?: ParsedJson;
  ifMatch?: string;
  ifNoneMatch?: string;
  ifNoneExist?: string;
  ifModifiedSince?: string;
}

/** Where an error is, as FHIRPath: `Bundle.entry[3].request.url`. */
export function entryPath(index: number, rest: string): string {
  return `Bundle.entry[${index}].${rest}`;
}

/**
 * The entries of a batch or transaction whose Bundle was found valid, each resource with its own stretch of the exact text.
 * @throws FhirError 400 for an entry without a request
 */
export function entriesOf(bundle: ParsedBundle): BundleEntry[] {
  const values = (bundle.value['entry'] ?? []) as Record<string, unknown>[];
  return values.map((value, index) => readEntry(value, index, bundle.resourceTexts[index]));
}

function readEntry(value: Record<string, unknown>, index: number, text: string | undefined): BundleEntry {
  const request = value['request'] as (Record<string, string> & { method: EntryMethod }) | undefined;
  if (request === undefined) {
    throw new FhirError(
      'required',
      'Each entry of a batch or transaction says in request what is to be done',
      entryPath(index, 'request'),
    );
  }
  const { method, url = '', ifMatch, ifNoneMatch, ifNoneExist, ifModifiedSince } = request;
  const resource = text === undefined ? undefined : { text, value: value['resource'] as Record<string, unknown> };
  return {
    index,
    method,
    url,
    fullUrl: value['fullUrl'] as string | undefined,
    resource,
    ifMatch,
    ifNoneMatch,
    ifNoneExist,
    ifModifiedSince,
  };
}

const HEADER_ELEMENTS: Readonly<Record<string, string>> = {
  'If-Match': 'request.ifMatch',
  'If-None-Match': 'request.ifNoneMatch',
  'If-None-Exist': 'request.ifNoneExist',
  id: 'request.url',
};

/** An issue of one entry's request, told as one of the Bundle: `Observation.status` becomes `Bundle.entry[3].resource.status`. */
export function issueOfEntry(issue: Issue, entry: Pick<BundleEntry, 'index' | 'resource'>): Issue {
  const { expression } = issue;
  const type = entry.resource?.value['resourceType'];
  if (expression === undefined) return { ...issue, expression: `Bundle.entry[${entry.index}]` };
  const header = HEADER_ELEMENTS[expression];
  if (header !== undefined) return { ...issue, expression: entryPath(entry.index, header) };
  if (expression.startsWith('Bundle.entry[') && type !== 'Bundle') return issue;
  if (expression === 'resourceType') return { ...issue, expression: entryPath(entry.index, 'resource') };
  if (typeof type === 'string' && expression.startsWith(`${type}.`)) {
    return { ...issue, expression: entryPath(entry.index, `resource.${expression.slice(type.length + 1)}`) };
  }
  return { ...issue, diagnostics: `${issue.diagnostics} (${expression})`, expression: `Bundle.entry[${entry.index}]` };
}

/** A refusal of one entry's request as a refusal of the whole Bundle. */
export function refusalOfEntry(error: FhirError, entry: Pick<BundleEntry, 'index' | 'resource'>): FhirError {
  const [first, ...rest] = error.issues.map((issue) => issueOfEntry(issue, entry));
  return FhirError.ofIssues([first!, ...rest], { status: error.status, headers: { ...error.headers } });
}
