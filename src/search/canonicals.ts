import { keyAfter } from './equality-key.js';
import { keysOf } from './parameter-keys.js';
import type { SearchDefinitions } from './search-definitions.js';
import type { ExtractedValues } from './values.js';

/** The address that a resource bears as its own, or by which others refer to it, and a business version of it. */
export interface Canonical {
  url: string;
  version?: string;
}

/** Their `url` says where something is reached, not what the resource is called. */
const ADDRESSES: ReadonlySet<string> = new Set(['Device', 'Subscription']);

/** Whether canonicals can lead to resources of a type. */
export function bearsCanonical(definitions: SearchDefinitions, type: string): boolean {
  return !ADDRESSES.has(type) && definitions.findOfficial(type, 'url')?.type === 'uri';
}

/** The canonical that a resource bears as its own; of a type that {@link bearsCanonical}, since a client may call something else `url`. */
export function canonicalOf(values: ExtractedValues): Canonical | undefined {
  const found = ADDRESSES.has(values.resourceType) ? undefined : values.get('url');
  const url = found?.type === 'uri' ? found.values[0] : undefined;
  if (url === undefined) return undefined;
  const version = values.get('version');
  return { url, version: version?.type === 'token' ? version.values[0]?.code : undefined };
}

/** The addresses that a parameter refers to: canonicals, and whatever else may be one. */
export function canonicalsReferredTo(values: ExtractedValues, code: string): Canonical[] {
  const found = values.get(code);
  if (found?.type !== 'reference') return [];
  return found.values.flatMap(({ url, version }) => (url === undefined ? [] : [{ url, version }]));
}

/**
 * Whether a canonical leads to what bears `own`: one without a version to every version there is, one with a version to that alone.
 * https://hl7.org/fhir/R4B/references.html#canonical
 */
export function leadsTo({ url, version }: Canonical, own: Canonical): boolean {
  return url === own.url && (!version || version === own.version);
}

/** The equality keys of which a resource of type `base` has at least one exactly when its parameter refers to the resource. */
export function keysReferringTo(
  { base, code }: { base: string; code: string },
  { type, id, canonical }: { type: string; id: string; canonical: Canonical | undefined },
): number[] {
  const { prefix } = keysOf(base, code);
  const keys = [keyAfter(prefix.local, type, id)];
  if (canonical === undefined) return keys;
  keys.push(keyAfter(prefix['url-alone'], canonical.url));
  if (canonical.version !== undefined) keys.push(keyAfter(prefix['url-version'], canonical.url, canonical.version));
  return keys;
}

/** The key that resources of a type have which bear a URL, in whatever version. */
export function keyOfOwnUrl(type: string, url: string): number {
  return keyAfter(keysOf(type, 'url').prefix.uri, url);
}
