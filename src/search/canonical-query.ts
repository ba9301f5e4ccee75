import type { Query } from './query.js';

/** One text for all spellings of the same filter (order, repeats, encoding): equal texts share one filter group. It parses back. */
export function canonicalQuery(_query: Query): string {
  throw new Error('being built');
}
