import type { SearchParameter } from '../search/values.js';

/** The kinds of parameter that have an order of their own; tokens, references and uris are kept as hashes only. */
const ORDERED = new Set(['date', 'number', 'quantity', 'string']);

/** Whether `_sort` may name this parameter. */
export function isSortable(parameter: SearchParameter): boolean {
  return parameter.code === '_id' || parameter.code === '_lastUpdated' || ORDERED.has(parameter.type);
}

/** A string sorts by so many of its first characters (folded); the tie-breaker orders the rest. */
export const SORTED_CHARACTERS = 200;
