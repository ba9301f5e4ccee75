import { hostname } from 'node:os';
import { FhirError } from '../fhir/fhir-error.js';
import { allowedOrigin, corsPolicy, type CorsPolicy } from './cors.js';
import { type HostPolicy, hostPolicy, refusedHost } from './hosts.js';
import type { HostNaming } from './requested-host.js';

/** Who may call, as far as a request tells it: by which names of the hub, and from which web pages. */
export interface Callers {
  hosts: HostPolicy;
  pages: CorsPolicy;
}

export function callersOf(http: { allowedHosts: readonly string[]; corsOrigins: readonly string[]; publicUrl: string }): Callers {
  return { hosts: hostPolicy(http.allowedHosts, http.publicUrl, hostname()), pages: corsPolicy(http.corsOrigins) };
}

/**
 * Why a socket is not opened: 400 or 421 for the host asked for, 403 for the page. Sockets have no preflight and their answers no CORS: a page that
 * may not read them may not open one.
 */
export function refusedSocket(
  { hosts, pages }: Callers,
  request: HostNaming & { headers: { origin?: string } },
): FhirError | undefined {
  const { origin } = request.headers;
  const ofHost = refusedHost(hosts, request);
  return ofHost ?? (origin !== undefined && allowedOrigin(pages, origin) === undefined ? refusedPage() : undefined);
}

/** 403. */
export function refusedPage(): FhirError {
  return new FhirError('forbidden', 'Pages of this origin may not use the hub; CORS_ORIGINS lists those that may');
}
