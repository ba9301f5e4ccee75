import { isIPv4 } from 'node:net';

/** Whether a listener on this host can only be reached from this machine. Names other than `localhost` are not looked up. */
export function isLoopbackHost(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true;
  return isIPv4(host) && host.startsWith('127.');
}
