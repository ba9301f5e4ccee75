import { definitions } from '../fhir/definitions.js';
import { FhirError } from '../fhir/fhir-error.js';
import { isJsonObject } from '../fhir/json-object.js';
import { isFramingHeader, isHeaderName } from '../outbound/header-names.js';

/** Extension of an `Endpoint` that makes it a source the hub polls; its parts are described in docs/sources.md. */
export const SOURCE_POLL = 'https://carillon.example/fhir/StructureDefinition/source-poll';

/** A source to poll, read once from its Endpoint. */
export interface SourceDefinition {
  endpointId: string;
  /** Version of the Endpoint: a new one is polled at once, whatever the interval says. */
  version: number;
  /** Base URL of the source, without a slash at the end. */
  address: string;
  /** Only `Endpoint.status = active` is polled. */
  active: boolean;
  intervalSeconds: number;
  /** Resource types to follow; none means everything (`[base]/_history`). */
  types: readonly string[];
  /** Put before every id of the source, so that ids of two sources never meet. */
  idPrefix: string;
  /** How far behind the watermark each poll looks again, for what was committed later than its timestamp says. */
  overlapSeconds: number;
  pageSize: number;
  /** Request headers in the order given (`Endpoint.header`), split at the first colon. */
  headers: readonly (readonly [name: string, value: string])[];
}

const LIMITS = {
  intervalSeconds: { low: 1, high: 86_400, standard: 60 },
  overlapSeconds: { low: 0, high: 86_400, standard: 120 },
  pageSize: { low: 1, high: 1_000, standard: 500 },
} as const;

const PARTS = new Set(['mode', 'intervalSeconds', 'type', 'idPrefix', 'overlapSeconds', 'pageSize']);
/** Leaves 44 of the 64 characters of an id to the source's own id, or to its hash. */
const ID_PREFIX = /^[A-Za-z0-9\-.]{1,20}$/;
/** How the hub asks for a page is its own affair. */
const OWN_HEADERS: ReadonlySet<string> = new Set(['accept', 'accept-encoding']);

interface Part {
  value: unknown;
  expression: string;
}

/**
 * The source an Endpoint describes, or undefined where it carries no source-poll extension.
 * @throws FhirError 422 naming the element that makes no sense
 */
export function readSource(endpoint: Record<string, unknown>, endpointId: string, version: number): SourceDefinition | undefined {
  const at = extensions(endpoint).findIndex((extension) => extension['url'] === SOURCE_POLL);
  if (at < 0) return undefined;
  if (extensions(endpoint).filter((extension) => extension['url'] === SOURCE_POLL).length > 1) {
    throw refuse('An Endpoint is one source: give the source-poll extension once.', 'Endpoint.extension');
  }
  const path = `Endpoint.extension[${at}]`;
  const parts = readParts(extensions(endpoint)[at]!, path);
  checkMode(one(parts, 'mode'), path);
  return {
    endpointId,
    version,
    address: readAddress(endpoint['address']),
    active: endpoint['status'] === 'active',
    intervalSeconds: readNumber(parts, 'intervalSeconds'),
    types: readTypes(parts.get('type') ?? []),
    idPrefix: readPrefix(one(parts, 'idPrefix'), path),
    overlapSeconds: readNumber(parts, 'overlapSeconds'),
    pageSize: readNumber(parts, 'pageSize'),
    headers: readHeaders(endpoint['header']),
  };
}

function extensions(element: Record<string, unknown>): Record<string, unknown>[] {
  const list = element['extension'];
  return Array.isArray(list) ? list.filter(isJsonObject) : [];
}

function readParts(extension: Record<string, unknown>, path: string): Map<string, Part[]> {
  const parts = new Map<string, Part[]>();
  extensions(extension).forEach((part, index) => {
    const expression = `${path}.extension[${index}]`;
    const name = part['url'];
    if (typeof name !== 'string' || !PARTS.has(name)) {
      throw refuse(
        `The source-poll extension has no part '${String(name)}'; it knows ${[...PARTS].join(', ')}.`,
        `${expression}.url`,
      );
    }
    const key = Object.keys(part).find((candidate) => candidate.startsWith('value'));
    if (key === undefined) throw refuse(`The part '${name}' has no value.`, expression);
    const value: Part = { value: part[key], expression: `${expression}.${key}` };
    parts.set(name, [...(parts.get(name) ?? []), value]);
  });
  return parts;
}

function one(parts: Map<string, Part[]>, name: string): Part | undefined {
  const found = parts.get(name) ?? [];
  if (found.length > 1) throw refuse(`The part '${name}' may stand only once.`, found[1]!.expression);
  return found[0];
}

function checkMode(mode: Part | undefined, path: string): void {
  if (mode === undefined) throw refuse("The source-poll extension needs a part 'mode' (valueCode 'history').", path);
  if (mode.value === 'history') return;
  if (mode.value === 'search' || mode.value === 'export') {
    throw refuse(`Polling by '${mode.value}' is not supported yet; use 'history'.`, mode.expression);
  }
  throw refuse(`'${String(mode.value)}' is not a mode of polling; use 'history'.`, mode.expression);
}

function readNumber(parts: Map<string, Part[]>, name: keyof typeof LIMITS): number {
  const { low, high, standard } = LIMITS[name];
  const part = one(parts, name);
  if (part === undefined) return standard;
  const { value } = part;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < low || value > high) {
    throw refuse(`'${name}' is a whole number from ${low} to ${high}.`, part.expression);
  }
  return value;
}

function readTypes(parts: readonly Part[]): string[] {
  for (const { value, expression } of parts) {
    if (!definitions().isResourceType(value)) throw refuse(`'${String(value)}' is not a resource type.`, expression);
  }
  return [...new Set(parts.map(({ value }) => value as string))].sort();
}

function readPrefix(part: Part | undefined, path: string): string {
  if (part === undefined)
    throw refuse("The source-poll extension needs a part 'idPrefix' that keeps its ids apart from all others.", path);
  if (typeof part.value !== 'string' || !ID_PREFIX.test(part.value)) {
    throw refuse("'idPrefix' is 1 to 20 characters of A-Z, a-z, 0-9, '-' and '.', as it becomes part of ids.", part.expression);
  }
  return part.value;
}

function readAddress(value: unknown): string {
  const expression = 'Endpoint.address';
  if (typeof value !== 'string' || !URL.canParse(value))
    throw refuse('The address of a source is its absolute base URL.', expression);
  const url = new URL(value);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw refuse('A source is polled by http or https.', expression);
  if (url.search !== '' || url.hash !== '' || value.includes('?') || value.includes('#')) {
    throw refuse('The base URL of a source has no query and no fragment.', expression);
  }
  if (url.username !== '' || url.password !== '') {
    throw refuse('Credentials do not belong into the address; send them in Endpoint.header.', expression);
  }
  return value.replace(/\/+$/, '');
}

function readHeaders(value: unknown): [string, string][] {
  if (!Array.isArray(value)) return [];
  return value.map((line, index) => {
    const expression = `Endpoint.header[${index}]`;
    const colon = typeof line === 'string' ? line.indexOf(':') : -1;
    if (typeof line !== 'string' || colon < 1) throw refuse("A header is 'Name: value'.", expression);
    const name = line.slice(0, colon).trim();
    if (!isHeaderName(name) || /[\r\n\0]/.test(line)) throw refuse(`'${name}' is not the name of a header.`, expression);
    if (isFramingHeader(name) || OWN_HEADERS.has(name.toLowerCase()))
      throw refuse(`The header ${name} is set by the hub itself.`, expression);
    return [name, line.slice(colon + 1).trim()];
  });
}

/** An Endpoint that makes no sense as a source: 422, with the element named. */
export function refuse(diagnostics: string, expression: string): FhirError {
  return new FhirError('business-rule', diagnostics, expression, { status: 422 });
}
