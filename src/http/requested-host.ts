import { FhirError } from '../fhir/fhir-error.js';

/** What of a request says which host it is for. */
export interface HostNaming {
  /** The target of the request line as it came. */
  url?: string;
  /** The same where Fastify has gone over to {@link pathOfTarget}. */
  originalUrl?: string;
  rawHeaders: readonly string[];
}

/**
 * The host and port that a request is for: those of its target where that is a whole URL, else what `Host` says; undefined where neither
 * does, as HTTP/1.0 allows. https://www.rfc-editor.org/rfc/rfc9112#section-3.2
 * @throws FhirError 400 for several `Host` lines, and for what is no host
 */
export function requestedHost({ url, originalUrl, rawHeaders }: HostNaming): string | undefined {
  let named: string | undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length !== 4 || name.toLowerCase() !== 'host') continue;
    if (named !== undefined) throw refused('A request names one Host, not several');
    named = rawHeaders[i + 1];
  }
  const target = ABSOLUTE.exec(originalUrl ?? url ?? '')?.[1];
  for (const host of [named, target])
    if (host !== undefined && !HOST.test(host)) throw refused('What the request names as its Host is none');
  return target ?? named;
}

/** What is asked for at this hub, `/fhir/r4b/metadata`, where the request line holds a whole URL as proxies write it. */
export function pathOfTarget(target: string): string {
  if (target.startsWith('/')) return target;
  const [, , path] = ABSOLUTE.exec(target) ?? [];
  if (path === undefined) return target;
  return path.startsWith('/') ? path : `/${path}`;
}

const ABSOLUTE = /^https?:\/\/([^/?#]*)(.*)$/is;
/** A name or an address, and a port. https://www.rfc-editor.org/rfc/rfc9110#field.host */
const HOST = /^(?:\[[0-9a-f:.]+\]|[\w.~!$&'()*+,;=%-]+)(?::\d*)?$/i;

function refused(why: string): FhirError {
  return new FhirError('value', why, 'Host');
}
