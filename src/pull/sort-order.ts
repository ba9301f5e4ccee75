/** A string sorts by so many of its first characters (folded); the tie-breaker orders the rest. */
export const SORTED_CHARACTERS = 200;
