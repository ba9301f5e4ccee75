import type { Sql } from '../database.js';

/** Where to begin following: what came before is found by looking at the cursors. */
export const NEWEST_MATCH_BATCH: Sql = {
  name: 'newest-match-batch',
  text: `SELECT coalesce(max(batch), 0) AS batch FROM match_batch`,
};

/** Follows the primary key. Numbers come into sight in order (record-events), so a plain "greater than" skips none. */
export const MATCH_BATCHES_AFTER: Sql = {
  name: 'match-batches-after',
  text: `SELECT batch, group_ids, subscription_ids FROM match_batch WHERE batch > $1 ORDER BY batch LIMIT $2`,
};
