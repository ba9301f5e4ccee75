import { hostname } from 'node:os';
import { allowedOrigin, corsPolicy, type CorsPolicy } from './cors.js';
import { type HostPolicy, hostPolicy, isOwnHost } from './hosts.js';

/** Who may call, as far as a request tells it: by which names of the hub, and from which web pages. */
export interface Callers {
  hosts: HostPolicy;
  pages: CorsPolicy;
}

export function callersOf(http: { allowedHosts: readonly string[]; corsOrigins: readonly string[]; publicUrl: string }): Callers {
  return { hosts: hostPolicy(http.allowedHosts, http.publicUrl, hostname()), pages: corsPolicy(http.corsOrigins) };
}

/** Sockets have no preflight and their answers no CORS: a page that may not read them may not open one. */
export function mayOpenSocket({ hosts, pages }: Callers, headers: { host?: string; origin?: string }): boolean {
  const { host, origin } = headers;
  return isOwnHost(hosts, host) && (origin === undefined || allowedOrigin(pages, origin) !== undefined);
}
