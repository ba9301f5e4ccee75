/** Longest query string taken, before decoding. */
export const MAX_QUERY_LENGTH = 256 * 1024;
/** Most `name=value` pairs in a query. */
export const MAX_PAIRS = 200;
/** Most values of one OR list: `_id=a,b,c …`. */
export const MAX_VALUES = 1_000;
/** Longest single value. */
export const MAX_VALUE_LENGTH = 4_096;
/** Most codes that a value set asked for by `:in` may have. */
export const MAX_EXPANSION = 5_000;
/** Largest page. */
export const MAX_COUNT = 1_000;
/** Most combinations of the codes of one composite value that are kept in the index. */
export const MAX_COMPOSITE_COMBINATIONS = 4_096;
/** Most queries at the other ends of the links of one search: one for each type that a step of a chain may lead to. */
export const MAX_LINKED_QUERIES = 200;
/** Most includes in one query. */
export const MAX_INCLUDES = 40;
/** Most keys to sort by. */
export const MAX_SORT_KEYS = 20;
