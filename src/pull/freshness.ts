import type { Change } from '../fhir/change.js';

/**
 * Whether a conditional read may be answered with 304: `If-None-Match` decides where it is sent, else `If-Modified-Since`, which knows whole
 * seconds only. https://hl7.org/fhir/R4B/http.html#cread
 */
export function isFresh(change: Change, ifNoneMatch: string | undefined, ifModifiedSince: string | undefined): boolean {
  if (ifNoneMatch !== undefined) {
    return ifNoneMatch.split(',').some((tag) => {
      const wanted = tag.trim();
      return wanted === '*' || wanted.replace(/^W\//, '') === `"${String(change.version)}"`;
    });
  }
  if (ifModifiedSince === undefined) return false;
  const since = Date.parse(ifModifiedSince);
  return Number.isFinite(since) && Math.floor(change.at.getTime() / 1000) * 1000 <= since;
}
