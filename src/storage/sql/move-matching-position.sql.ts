import type { Sql } from '../database.js';

/**
 * First statement of a batch: moves the position to ($3, $4, $5) and the batch number on by $6, if token $1 still stands and the
 * position is still that of batch $2 at ($8, $9, $10); renews the lease for $7 seconds. No row: another process matches now. The row lock it holds until the
 * commit makes batches follow one another, so everything below needs no order of locks of its own.
 */
export const MOVE_MATCHING_POSITION: Sql = {
  name: 'move-matching-position',
  text: `
  UPDATE matching_position
  SET epoch = $3, xid = $4, seq = $5, batch = batch + $6, lease_ends = now() + make_interval(secs => $7)
  WHERE partition = 0 AND token = $1 AND batch = $2 AND epoch = $8 AND xid = $9 AND seq = $10
  RETURNING batch`,
};
