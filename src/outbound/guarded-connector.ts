import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { buildConnector } from 'undici';
import { type AddressPolicy, refusalOfAddress } from './address-policy.js';

/** No connection was made, because the hub must not talk to that address. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
  readonly code = 'ADDRESS_REFUSED';
}

/** Every address of a name. */
export type Resolve = (name: string) => Promise<readonly string[]>;

export const resolveName: Resolve = async (name) => (await lookup(name, { all: true })).map(({ address }) => address);

/**
 * Opens connections only to addresses the policy lets pass. The check sits where the socket connects: a literal is judged as it
 * stands, a name is resolved once and the connection goes to an address that was judged, so a second answer of the name server cannot
 * change it (DNS rebinding). undici's own `lookup` hook is not asked for literals, so a guard there alone would have a hole.
 */
export function guardedConnector(
  policy: AddressPolicy,
  options: { timeoutMs: number; ca?: string },
  resolve: Resolve = resolveName,
): buildConnector.connector {
  const connect = buildConnector({ timeout: options.timeoutMs, ...(options.ca === undefined ? {} : { ca: options.ca }) });
  return (target, callback) => {
    const name = target.hostname.replace(/^\[|\]$/g, '');
    const servername = isIP(name) === 0 ? name : undefined;
    void allowedAddresses(name, policy, options.timeoutMs, resolve).then(
      (addresses) => connectToFirst([...addresses]),
      (error: Error) => callback(error, null),
    );

    function connectToFirst(addresses: string[]): void {
      const address = addresses.shift()!;
      connect({ ...target, hostname: address, servername: target.servername || servername }, (...[error, socket]) => {
        if (error) {
          if (addresses.length > 0) connectToFirst(addresses);
          else callback(error, null);
          return;
        }
        const refusal = refusalOfAddress(socket.remoteAddress ?? '', policy);
        if (refusal === undefined) return callback(null, socket);
        socket.destroy();
        callback(new AddressRefused(`${name} ${refusal}`), null);
      });
    }
  };
}

async function allowedAddresses(
  name: string,
  policy: AddressPolicy,
  timeoutMs: number,
  resolve: Resolve,
): Promise<readonly string[]> {
  const all = isIP(name) === 0 ? await inTime(resolve(name), timeoutMs, `no answer to the name ${name}`) : [name];
  const allowed = all.filter((address) => refusalOfAddress(address, policy) === undefined);
  if (allowed.length > 0) return allowed;
  if (all[0] === undefined) throw new Error(`the name ${name} has no address`);
  throw new AddressRefused(`${name} ${refusalOfAddress(all[0], policy)}`);
}

async function inTime<T>(promise: Promise<T>, milliseconds: number, message: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(message)), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
