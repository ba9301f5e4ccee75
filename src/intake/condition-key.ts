/** Two conditions with the same key are the same condition, in whatever order its parameters are written. */
export function conditionKey(type: string, query: string): string {
  return `${type}?${query.replace(/^\?/, '').split('&').sort().join('&')}`;
}
