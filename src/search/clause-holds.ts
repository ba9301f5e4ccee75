import type { Clause } from './query.js';
import type { ExtractedValues } from './values.js';

/** Whether the resource with these values passes the clause: the definition of "matches" for search and push. */
export function clauseHolds(_clause: Clause, _values: ExtractedValues): boolean {
  throw new Error('being built');
}
