import { FhirError } from '../fhir/fhir-error.js';

const ETAG = /^(?:W\/)?"([^"]*)"$|^(?:W\/)?([A-Za-z0-9.-]{1,64})$/;
/** Versions start at 1: an ETag that cannot be one of ours is well formed and equals none. */
const NO_SUCH_VERSION = 0;

/**
 * The version an `If-Match` names: `W/"3"`, `"3"`, and `3` as older clients write it.
 * @throws FhirError 400
 */
export function ifMatchVersion(header: string | undefined, where = 'If-Match'): number | undefined {
  if (header === undefined) return undefined;
  const match = ETAG.exec(header.trim());
  const version = match?.[1] ?? match?.[2];
  if (version === undefined) {
    throw new FhirError('value', 'If-Match must name one version, for example W/"3"', where);
  }
  return /^[1-9][0-9]{0,8}$/.test(version) ? Number(version) : NO_SUCH_VERSION;
}

/**
 * Whether `If-None-Match: *` asks for the resource not to exist; no other form means anything for a write.
 * @throws FhirError 400
 */
export function ifNoneMatchAny(header: string | undefined, where = 'If-None-Match'): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  throw new FhirError('value', 'If-None-Match of a write can only be *', where);
}

export function etagOf(version: number): string {
  return `W/"${version}"`;
}
