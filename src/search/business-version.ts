/** What may follow a part of a version: `1.2.0-ballot+build`. */
const SEPARATOR = /[.+-]/g;
const MOST_PARTS = 32;

/**
 * A business version and those above it, part by part: `1.2.0-ballot` lies below `1.2.0`, `1.2` and `1`, not below `1.2.0-b`. Versions have
 * no scheme that holds for all, so nothing is read into them but their parts. https://hl7.org/fhir/R4B/search.html#versions
 */
export function versionsAbove(version: string): string[] {
  const above = [version];
  for (const { index } of version.matchAll(SEPARATOR)) {
    if (above.length >= MOST_PARTS) break;
    if (index > 0) above.push(version.slice(0, index));
  }
  return above;
}

/** `url|version`; the version is absent where none is written, or an empty one. */
export function splitCanonical(canonical: string): { url: string; version?: string } {
  const bar = canonical.indexOf('|');
  if (bar < 0) return { url: canonical };
  const version = canonical.slice(bar + 1);
  return version === '' ? { url: canonical.slice(0, bar) } : { url: canonical.slice(0, bar), version };
}
