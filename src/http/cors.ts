import { isLoopbackName } from './hosts.js';

/** Which web pages may read the hub's answers: those of listed origins, of this machine, or all. */
export interface CorsPolicy {
  all: boolean;
  loopback: boolean;
  origins: ReadonlySet<string>;
}

/** `*`, `loopback`, `none` and origins, as CORS_ORIGINS lists them. */
export function corsPolicy(words: readonly string[]): CorsPolicy {
  return {
    all: words.includes('*'),
    loopback: words.includes('loopback'),
    origins: new Set(words.filter((word) => word.includes('://'))),
  };
}

/**
 * The `Access-Control-Allow-Origin` for a page of that origin; undefined where its browser is to keep the answer from it. The hub has no
 * access control: whoever reaches it may read everything, and a browser of this machine reaches it for every page that it shows.
 */
export function allowedOrigin(policy: CorsPolicy, origin: string): string | undefined {
  if (policy.all) return '*';
  return policy.origins.has(origin) || (policy.loopback && isLoopbackOrigin(origin)) ? origin : undefined;
}

/** A page served from this machine, on whatever port. */
function isLoopbackOrigin(origin: string): boolean {
  const url = URL.parse(origin);
  if (url === null || url.origin !== origin) return false;
  return isLoopbackName(url.hostname);
}

/** Headers of answers that pages get to see beside the few that browsers show anyway. */
export const EXPOSED_HEADERS =
  'Accept-Ranges, Content-Location, Content-Range, ETag, Expires, Last-Modified, Location, Retry-After, X-Progress';

export const ALLOWED_METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';

/** Headers of requests that mean something to the hub. */
export const ALLOWED_HEADERS =
  'Accept, Content-Type, If-Match, If-Modified-Since, If-None-Exist, If-None-Match, If-Range, Prefer, Range, X-Correlation-Id, X-Request-Id';

/** How long a browser may go by one answer to a preflight. */
export const PREFLIGHT_SECONDS = 600;
