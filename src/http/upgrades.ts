import type { IncomingMessage } from 'node:http';
import { type Callers, mayOpenSocket } from './callers.js';

/**
 * Whether a request that offers another protocol gets it: websockets at the addresses that serve them, for who may call. All others are
 * answered in HTTP as if they had not offered; clients such as Java's offer `h2c` with their first request wherever they go.
 */
export function takesUpgrade(callers: Callers, { headers, url }: Pick<IncomingMessage, 'headers' | 'url'>): boolean {
  if (headers.upgrade?.toLowerCase() !== 'websocket' || !mayOpenSocket(callers, headers)) return false;
  const path = URL.parse(url ?? '', 'http://hub')?.pathname ?? '';
  return path === '/ws' || path.startsWith('/socket.io/');
}
