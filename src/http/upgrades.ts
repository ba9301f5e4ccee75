import type { IncomingMessage } from 'node:http';
import { type Callers, refusedSocket } from './callers.js';
import { pathOfTarget } from './requested-host.js';

/**
 * Whether a request that offers another protocol gets it: websockets at the addresses that serve them, for who may call. All others are
 * answered in HTTP as if they had not offered; clients such as Java's offer `h2c` with their first request wherever they go.
 */
export function takesUpgrade(callers: Callers, request: Pick<IncomingMessage, 'headers' | 'url' | 'rawHeaders'>): boolean {
  const { headers, url } = request;
  if (headers.upgrade?.toLowerCase() !== 'websocket' || refusedSocket(callers, request) !== undefined) return false;
  const path = URL.parse(pathOfTarget(url ?? ''), 'http://hub')?.pathname ?? '';
  return path === '/ws' || path.startsWith('/socket.io/');
}
