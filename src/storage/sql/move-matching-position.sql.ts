import type { Sql } from '../database.js';

/**
 * First statement of a batch: moves partitions $1 with tokens $2 from ($3, $4, $5) to ($6, $7, $8) and renews their leases for $9 seconds.
 * Fewer rows than asked: another process matches some of them now, or the batch was committed before. The locks, taken in order and held
 * until the commit, make the batches of a partition follow one another, so that groups need no order of locks of their own.
 */
export const MOVE_MATCHING_POSITION: Sql = {
  name: 'move-matching-position',
  text: `
  WITH mine AS MATERIALIZED (
    SELECT p.partition
    FROM matching_position AS p JOIN unnest($1::smallint[], $2::uuid[]) AS m (partition, token) USING (partition, token)
    WHERE p.epoch = $3 AND p.xid = $4 AND p.seq = $5
    ORDER BY p.partition
    FOR UPDATE OF p
  )
  UPDATE matching_position AS p
  SET epoch = $6, xid = $7, seq = $8, lease_ends = now() + make_interval(secs => $9)
  FROM mine WHERE p.partition = mine.partition
  RETURNING p.partition`,
};
