import type { Socket } from 'node:net';
import { isIP } from 'node:net';
import { isMetadataName } from './host-names.js';
import type { Resolve } from './resolve-name.js';

/** No connection was made, because the hub must not talk to that address. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
  readonly code = 'ADDRESS_REFUSED';
}

/** No connection was made in the time for it. */
export class ConnectTimeout extends Error {
  override readonly name = 'ConnectTimeout';
  readonly code = 'CONNECT_TIMEOUT';
}

/** Why nothing may be sent to an address, or undefined. */
export type Judge = (address: string) => string | undefined;

/** Opens a socket to an address; resolves once it is connected (with TLS: and its peer proven). The signal gives up. */
export type Open = (address: string, signal: AbortSignal) => Promise<Socket>;

/** Of the addresses of a name, the first few that may be called are tried; a longer list would only be a way to keep the hub busy. */
const MOST_ADDRESSES = 4;

/**
 * A connection to a host, to an address that was judged and to no other: a literal is judged as it stands, a name is resolved once, what
 * it may not lead to is left out, and the peer's address is judged again when the socket stands. The time is for all of it; each address
 * gets its share of what is left, so that a dead one does not keep the next from being tried.
 * @throws AddressRefused where no address passes, ConnectTimeout, or what the last address tried said
 */
export async function connectJudged(
  host: string,
  judge: Judge,
  resolve: Resolve,
  open: Open,
  timeoutMs: number,
): Promise<Socket> {
  const deadline = performance.now() + timeoutMs;
  const addresses = await judgedAddresses(host, judge, resolve, timeoutMs);
  let failure: Error = new ConnectTimeout(`no connection to ${host} within ${timeoutMs} ms`);
  for (const [index, address] of addresses.entries()) {
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) break;
    try {
      const socket = await openInTime(address, open, leftMs / (addresses.length - index));
      const refusal = judge(socket.remoteAddress ?? '');
      if (refusal === undefined) return socket;
      socket.destroy();
      failure = new AddressRefused(`${host} ${refusal}`);
    } catch (error) {
      failure = error as Error;
    }
  }
  throw failure;
}

async function judgedAddresses(host: string, judge: Judge, resolve: Resolve, timeoutMs: number): Promise<readonly string[]> {
  if (isMetadataName(host)) throw new AddressRefused(`${host} is a metadata name`);
  const all = isIP(host) === 0 ? await inTime(resolve(host), timeoutMs, host) : [host];
  const allowed = all.filter((address) => judge(address) === undefined);
  if (allowed.length > 0) return allowed.slice(0, MOST_ADDRESSES);
  if (all[0] === undefined) throw new Error(`the name ${host} has no address`);
  throw new AddressRefused(`${host} ${judge(all[0])}`);
}

async function openInTime(address: string, open: Open, timeoutMs: number): Promise<Socket> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new ConnectTimeout(`no connection within ${Math.round(timeoutMs)} ms`)), timeoutMs);
  try {
    return await open(address, late.signal);
  } finally {
    clearTimeout(timer);
  }
}

async function inTime<T>(promise: Promise<T>, milliseconds: number, host: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new ConnectTimeout(`no answer to the name ${host} in time`)), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
