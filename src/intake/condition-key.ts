/** Two conditions with the same key are the same condition, in whatever order and encoding its parameters are written. */
export function conditionKey(type: string, query: string): string {
  const pairs = [...new URLSearchParams(query.replace(/^\?/, ''))].map((pair) => JSON.stringify(pair));
  return `${type}?${pairs.sort().join('&')}`;
}
