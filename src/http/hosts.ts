import { FhirError } from '../fhir/fhir-error.js';
import { type HostNaming, requestedHost } from './requested-host.js';

/** The names by which the hub is asked for: its own, or whatever stands in `Host`. */
export interface HostPolicy {
  all: boolean;
  names: ReadonlySet<string>;
}

/** @param words names or `*`, as ALLOWED_HOSTS lists them; the machine's name and the host of PUBLIC_URL are always among them */
export function hostPolicy(words: readonly string[], publicUrl: string, machine: string): HostPolicy {
  const names = [...words, machine, URL.parse(publicUrl)?.hostname ?? '']
    .map((name) => name.toLowerCase())
    .filter((name) => name !== '');
  return { all: words.includes('*'), names: new Set(names) };
}

/**
 * Whether `Host` names this hub. A page of elsewhere whose own name suddenly leads to this machine (DNS rebinding) is for its browser of one
 * origin with the hub, so that no rule about origins keeps it out; the name it asked for does. Clients that name no host are no browsers.
 */
export function isOwnHost({ all, names }: HostPolicy, host: string | undefined): boolean {
  if (all || host === undefined) return true;
  const name = URL.parse(`http://${host}`)?.hostname;
  return name !== undefined && (isLoopbackName(name) || names.has(name));
}

/**
 * Why a request is not served under the host it is for: 400 where it names none or several, 421 where it names another.
 * https://www.rfc-editor.org/rfc/rfc9110#section-15.5.20
 */
export function refusedHost(policy: HostPolicy, request: HostNaming): FhirError | undefined {
  let host: string | undefined;
  try {
    host = requestedHost(request);
  } catch (error) {
    if (error instanceof FhirError) return error;
    throw error;
  }
  if (isOwnHost(policy, host)) return undefined;
  const named = String(host)
    .replace(/[^\w.:[\]-]/g, '?')
    .slice(0, 100);
  const text = `This hub is not ${named}; ALLOWED_HOSTS lists the names that it answers to beside its own`;
  return new FhirError('forbidden', text, 'Host', { status: 421 });
}

/** `localhost` and the addresses of this machine, as URLs write them. */
export function isLoopbackName(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
