import { refusalOfHost } from '../outbound/outbound-policy.js';

/**
 * Why an endpoint that is called by HTTP makes no sense under any settings; undefined: it may. What the settings let the hub call is
 * asked where a client writes the Subscription, and again at the socket.
 */
export function endpointProblem(endpoint: string): string | undefined {
  const url = URL.parse(endpoint);
  if (url === null) return `"${endpoint}" is not an absolute URL.`;
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return `This channel needs an http: or https: endpoint, not ${url.protocol}`;
  if (/[\s\u0000-\u001f]/.test(endpoint)) return 'The endpoint holds white space or control characters.';
  const refusal = refusalOfHost(url.hostname);
  return refusal === undefined ? undefined : `The endpoint ${url.hostname} ${refusal}, to which the hub never sends.`;
}
