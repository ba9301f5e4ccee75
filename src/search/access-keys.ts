import type { Clause } from './query.js';

/** The clause holds where, and only where, none of its values match: `:not`. */
export function isNegated(clause: Clause): boolean {
  return clause.modifier === 'not';
}

/**
 * Equality keys that a resource has (at least one of them) exactly when one of the clause's values matches it, negation left aside;
 * undefined where keys cannot tell (ranges, strings, texts, mixed composites).
 */
export function valueKeysOf(_clause: Clause): readonly number[] | undefined {
  throw new Error('being built');
}

/** The equality keys under any of which a matching resource must be found; undefined for negations, ranges, prefixes. */
export function accessKeysOf(_clause: Clause): readonly number[] | undefined {
  throw new Error('being built');
}
