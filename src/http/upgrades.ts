import type { IncomingMessage } from 'node:http';
import { type Callers, refusedSocket } from './callers.js';
import { pathOfTarget } from './requested-host.js';

/**
 * Whether a request that offers another protocol gets it: websockets at the addresses that serve them, for who may call. All others are
 * answered in HTTP as if they had not offered; clients such as Java's offer `h2c` with their first request wherever they go.
 */
export function takesUpgrade(callers: Callers, request: Pick<IncomingMessage, 'headers' | 'url' | 'rawHeaders'>): boolean {
  const { headers, url = '' } = request;
  if (headers.upgrade?.toLowerCase() !== 'websocket' || refusedSocket(callers, request) !== undefined) return false;
  return pathAsWritten(pathOfTarget(url)) === '/ws' || isLiveFeed(url);
}

/** Engine.IO looks at what stands in the request line. What it does not know as its own would wait for an answer for ever. */
function isLiveFeed(url: string): boolean {
  return url.startsWith('/socket.io/') && pathAsWritten(url) !== undefined;
}

/** Undefined where it makes a detour: who serves a socket must not be a matter of who straightens the path. */
function pathAsWritten(target: string): string | undefined {
  const [path] = target.split(/[?#]/, 1);
  return URL.parse(path!, 'http://hub')?.pathname === path ? path : undefined;
}
