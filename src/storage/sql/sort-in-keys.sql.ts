import type { Sql } from '../database.js';

/** Moves keys that were written lately from the list beside the index into the index. Where the list is empty this looks at one page. */
export const SORT_IN_KEYS: Sql = {
  name: 'sort-in-keys',
  text: `SELECT gin_clean_pending_list('resource_keys')`,
};
