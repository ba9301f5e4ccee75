/**
 * What a rate limit holds for: an endpoint without its query, so that subscriptions that differ only in a key or a tag share one limit.
 * Two paths of one host are two endpoints.
 */
export function endpointKey(endpoint: string | undefined): string {
  const url = URL.parse(endpoint ?? '');
  if (url === null) return endpoint ?? '';
  return url.protocol === 'mailto:' ? `mailto:${url.pathname.toLowerCase()}` : `${url.origin}${url.pathname}`;
}
