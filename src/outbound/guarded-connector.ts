import { isIP, type Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { buildConnector } from 'undici';
import { connectJudged } from './connect-judged.js';
import { withoutBrackets } from './host-names.js';
import { type OutboundPolicy, refusalOfConnection } from './outbound-policy.js';
import { type Resolve, resolveName } from './resolve-name.js';
import { watchSocket } from './watch-socket.js';

export interface ConnectorOptions {
  /** For the name, the connection and the handshake of TLS together. */
  timeoutMs: number;
  /** What to trust and how to identify the hub; absent: the usual authorities, no certificate of its own. */
  secureContext?: SecureContext;
  /** Most raw bytes that may come after each request. */
  mostBytes: number;
}

/**
 * Opens undici's connections only to addresses the policy lets pass. The check sits where the socket connects, so a second answer of the
 * name server cannot change it (DNS rebinding). undici's own `lookup` hook is not asked for literals: a guard there alone would have
 * a hole.
 */
export function guardedConnector(
  policy: OutboundPolicy,
  options: ConnectorOptions,
  resolve: Resolve = resolveName,
): buildConnector.connector {
  const { timeoutMs, secureContext, mostBytes } = options;
  // Its own timer would count each address anew.
  const connect = buildConnector({ timeout: 0, ...(secureContext === undefined ? {} : { secureContext }) });
  return (target, callback) => {
    const host = withoutBrackets(target.hostname);
    const port = Number(target.port) || (target.protocol === 'https:' ? 443 : 80);
    // The dot of the root belongs neither into SNI nor into a certificate.
    const servername = isIP(host) === 0 ? host.replace(/\.$/, '') : undefined;
    const judge = (address: string) => refusalOfConnection({ protocol: target.protocol, port, address }, policy);
    const open = (address: string, signal: AbortSignal) =>
      new Promise<Socket>((opened, failed) => {
        // It returns the socket, which its type does not say.
        const socket = connect({ ...target, hostname: address, servername }, (...[error, connected]) =>
          error ? failed(error) : opened(connected),
        ) as unknown as Socket;
        signal.addEventListener('abort', () => socket.destroy(signal.reason as Error));
      });
    connectJudged(host, judge, resolve, open, timeoutMs).then(
      (socket) => {
        watchSocket(socket, mostBytes);
        callback(null, socket);
      },
      (error: Error) => callback(error, null),
    );
  };
}
