import type { Sql } from '../database.js';
import { numberedEvents } from './numbered-events.js';
import { RELAXED_COMMIT } from './relaxed-commit.js';

/**
 * A batch that changes no memberships, in one statement and so in one round trip: moves partitions $1 with tokens $2 from ($3, $4, $5) to
 * ($6, $7, $8), renews their leases for $9 seconds, and writes the events ($10 and on). All or nothing: where one of the partitions is not
 * where it should be, or is another's, nothing is moved or written, and `moved` is 0. The locks, taken in order and held until
 * the commit, make the batches of a partition follow one another, so that groups need no order of locks of their own.
 */
export const COMMIT_BATCH: Sql = {
  name: 'commit-batch',
  text: `
  WITH mine AS MATERIALIZED (
    SELECT p.partition
    FROM matching_position AS p JOIN unnest($1::smallint[], $2::uuid[]) AS m (partition, token) USING (partition, token)
    WHERE p.epoch = $3 AND p.xid = $4 AND p.seq = $5 AND ${RELAXED_COMMIT}
    ORDER BY p.partition
    FOR UPDATE OF p
  ), moved AS (
    UPDATE matching_position AS p
    SET epoch = $6, xid = $7, seq = $8, lease_ends = now() + make_interval(secs => $9)
    FROM mine
    WHERE p.partition = mine.partition AND (SELECT count(*) FROM mine) = cardinality($1::smallint[])
    RETURNING p.partition
  ), ${numberedEvents(10, '(SELECT count(*) FROM moved) > 0')}
  SELECT count(*)::integer AS moved FROM moved`,
};
