/**
 * The part of a statement, as CTEs, that moves partitions $1 with tokens $2 from ($3, $4, $5) to ($6, $7, $8) and renews their leases for $9
 * seconds. All or none: where one of them is not where it should be, or is another's, `moved` is empty. The locks, taken in order and
 * held until the commit, make the batches of a partition follow one another, so that groups need no order of locks of their own.
 */
export const MOVED_PARTITIONS = `
  mine AS MATERIALIZED (
    SELECT p.partition
    FROM matching_position AS p JOIN unnest($1::smallint[], $2::uuid[]) AS m (partition, token) USING (partition, token)
    WHERE p.epoch = $3 AND p.xid = $4 AND p.seq = $5
    ORDER BY p.partition
    FOR UPDATE OF p
  ), moved AS (
    UPDATE matching_position AS p
    SET epoch = $6, xid = $7, seq = $8, lease_ends = now() + make_interval(secs => $9)
    FROM mine
    WHERE p.partition = mine.partition AND (SELECT count(*) FROM mine) = cardinality($1::smallint[])
    RETURNING p.partition
  )`;
