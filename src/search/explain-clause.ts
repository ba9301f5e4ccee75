import type { Clause } from './query.js';
import type { ExtractedValues } from './values.js';

export interface ClauseExplanation {
  held: boolean;
  /** The values of the parameter as a person would write them, a few at most. */
  seen: readonly string[];
}

export function explainClause(_clause: Clause, _values: ExtractedValues): ClauseExplanation {
  throw new Error('being built');
}
