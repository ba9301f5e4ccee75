import { connect, type Socket } from 'node:net';
import { refusalWhateverIsAllowed } from './address-policy.js';
import { connectJudged } from './connect-judged.js';
import { type Resolve, resolveName } from './resolve-name.js';

/**
 * A connection to a server that the operator named in a setting. It may stand on the inside, at any port; what holds for every connection
 * holds here, too: the name is resolved once, and no setting leads to link-local or metadata addresses.
 * @throws AddressRefused, ConnectTimeout or the error of the last address tried
 */
export function connectToOperatorHost(
  host: string,
  port: number,
  timeoutMs: number,
  resolve: Resolve = resolveName,
): Promise<Socket> {
  const open = (address: string, signal: AbortSignal) =>
    new Promise<Socket>((opened, failed) => {
      const socket = connect({ host: address, port });
      socket.once('error', failed);
      socket.once('connect', () => {
        socket.off('error', failed);
        opened(socket);
      });
      signal.addEventListener('abort', () => socket.destroy(signal.reason as Error));
    });
  return connectJudged(host, refusalWhateverIsAllowed, resolve, open, timeoutMs);
}
