import { FhirError } from '../../fhir/fhir-error.js';
import { type BundleEntry, entryPath } from './bundle-entries.js';

/** Dots that a URL parser would take for "this folder" or "the one above". */
const CLIMBING = /(^|\/)(\.|%2e){1,2}(\/|$)/i;

/**
 * The address of an entry relative to the base, without a slash in front: `Patient/1`, `Observation?code=a`.
 * @throws FhirError 400 for one that leads out of the base or is none
 */
export function relativeUrl(entry: Pick<BundleEntry, 'index' | 'url'>, bases: readonly string[]): string {
  const base = bases.find((candidate) => entry.url.startsWith(`${candidate}/`));
  const url = (base === undefined ? entry.url : entry.url.slice(base.length)).replace(/^\//, '');
  const path = url.split('?', 1)[0] ?? '';
  if (
    url === '' ||
    /^[a-z][a-z0-9+.-]*:/i.test(url) ||
    path.startsWith('/') ||
    /[^\x21-\x7e\u0080-\uffff]|[\\#]/.test(path) ||
    CLIMBING.test(path)
  ) {
    throw new FhirError(
      'value',
      'request.url is relative to the base, for example Patient/1 or Observation?code=1234-5',
      entryPath(entry.index, 'request.url'),
    );
  }
  return url;
}
