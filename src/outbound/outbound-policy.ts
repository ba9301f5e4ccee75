import { isIP } from 'node:net';
import { type AddressPolicy, isInside, isLoopbackAddress, refusalOfAddress, refusalWhateverIsAllowed } from './address-policy.js';
import { isLocalhostName, isMetadataName, withoutBrackets } from './host-names.js';

/** Where the hub may call by HTTP. */
export interface OutboundPolicy extends AddressPolicy {
  /** Where http without TLS may go: to loopback and the allowed blocks, to every address that may be called, or nowhere. */
  plainHttp: 'inside' | 'anywhere' | 'nowhere';
  /** Ports below 1024 that may be called beside 80 and 443. */
  ports: readonly number[];
}

/** One connection that is about to be opened. */
export interface Approach {
  protocol: string;
  port: number;
  address: string;
}

/**
 * Why this connection must not be opened, or undefined. Where loopback is open, so are all of its ports: who may subscribe there is on
 * this machine and could call them without the hub.
 */
export function refusalOfConnection({ protocol, port, address }: Approach, policy: OutboundPolicy): string | undefined {
  const refusal = refusalOfAddress(address, policy);
  if (refusal !== undefined) return refusal;
  if (protocol === 'http:') {
    if (policy.plainHttp === 'nowhere') return NO_PLAIN_HTTP;
    if (policy.plainHttp === 'inside' && !isInside(address, policy)) return PUBLIC_PLAIN_HTTP;
  }
  return policy.allowLoopback && isLoopbackAddress(address) ? undefined : refusalOfPort(port, policy);
}

/**
 * Why an endpoint can never be called, as far as its URL shows: what a name leads to is judged at the socket. For the client that
 * writes it, so that a refusal comes at once and not with the first delivery.
 */
export function refusalOfEndpoint(url: URL, policy: OutboundPolicy): string | undefined {
  const host = hostOf(url);
  const never = refusalOfHost(url.hostname);
  if (never !== undefined) return never;
  if (url.username !== '' || url.password !== '')
    return 'names a user, which is never sent; put credentials into a header of the channel';
  const port = portOf(url);
  if (isIP(host) !== 0) return refusalOfConnection({ protocol: url.protocol, port, address: host }, policy);
  if (isLocalhostName(host)) return refusalOfConnection({ protocol: url.protocol, port, address: '127.0.0.1' }, policy);
  if (url.protocol === 'http:') {
    if (policy.plainHttp === 'nowhere') return NO_PLAIN_HTTP;
    if (policy.plainHttp === 'inside' && policy.allowed.length === 0) return PUBLIC_PLAIN_HTTP;
  }
  return refusalOfPort(port, policy);
}

/** Why nobody may ever call this host (a name or a literal, in brackets or not), whatever the settings say. */
export function refusalOfHost(hostname: string): string | undefined {
  const host = withoutBrackets(hostname);
  if (isMetadataName(host)) return 'is a metadata name';
  return refusalWhateverIsAllowed(host);
}

/** Without the brackets of an IPv6 literal. */
export function hostOf(url: URL): string {
  return withoutBrackets(url.hostname);
}

function portOf(url: URL): number {
  return url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
}

const NO_PLAIN_HTTP = 'may be called by https only (OUTBOUND_PLAIN_HTTP)';
const PUBLIC_PLAIN_HTTP = 'may be called by https only: plain http goes to loopback and to blocks of OUTBOUND_ALLOW';

/** The low ports belong to services that are no web servers: mail, name service, remote shells. */
function refusalOfPort(port: number, policy: OutboundPolicy): string | undefined {
  if (port >= 1024 || port === 80 || port === 443 || policy.ports.includes(port)) return undefined;
  return `may not be called at port ${port}; of the ports below 1024 only 80, 443 and those of OUTBOUND_PORTS are open`;
}
