import type { Sql } from '../database.js';
import { holderIsGone } from './holder-is-gone.js';

/**
 * Process $1 says that it matches, renews the partitions it holds for $2 seconds, and takes free ones up to its fair share: those nobody
 * holds, whose lease has run out, or whose holder is a hub that is gone. What it keeps, keeps its token. Its own rows are locked in order,
 * as a commit locks them; SKIP LOCKED lets processes that take pass one another.
 */
export const LEASE_MATCHING: Sql = {
  name: 'lease-matching',
  text: `
  WITH me AS (
    INSERT INTO matching_process (process, seen_until) VALUES ($1, now() + make_interval(secs => $2))
    ON CONFLICT (process) DO UPDATE SET seen_until = excluded.seen_until
  ), others AS MATERIALIZED (
    SELECT process FROM matching_process AS p
    WHERE process <> $1 AND seen_until > now() AND NOT ${holderIsGone('p.process')}
  ), processes AS MATERIALIZED (
    SELECT count(*)::integer + 1 AS count FROM others
  ), mine AS MATERIALIZED (
    SELECT partition FROM matching_position WHERE leased_by = $1 ORDER BY partition FOR UPDATE
  ), free AS MATERIALIZED (
    SELECT partition FROM matching_position
    WHERE leased_by IS DISTINCT FROM $1 AND (leased_by IS NULL OR lease_ends <= now() OR ${holderIsGone('leased_by')})
    ORDER BY partition
    LIMIT greatest(0, (SELECT ceil((SELECT count(*) FROM matching_position)::numeric / count) FROM processes)
                      - (SELECT count(*) FROM mine))
    FOR UPDATE SKIP LOCKED
  ), held AS (
    UPDATE matching_position AS p
    SET token = CASE WHEN p.leased_by = $1 AND p.token IS NOT NULL THEN p.token ELSE gen_random_uuid() END,
        leased_by = $1, lease_ends = now() + make_interval(secs => $2)
    FROM (SELECT partition FROM mine UNION ALL SELECT partition FROM free) AS wanted
    WHERE p.partition = wanted.partition
    RETURNING p.partition, p.token, p.epoch, p.xid, p.seq
  )
  SELECT processes.count AS processes, held.* FROM processes LEFT JOIN held ON true ORDER BY held.partition`,
};

/** Process $1 gives back partitions $2, so that another need not wait for the leases to run out. */
export const RELEASE_MATCHING: Sql = {
  name: 'release-matching',
  text: `
  UPDATE matching_position SET leased_by = NULL, token = NULL, lease_ends = '-infinity'
  WHERE leased_by = $1 AND partition = ANY ($2::smallint[])`,
};

/** Process $1 matches no more. Forgets those, too, that were not seen for a day. */
export const LEAVE_MATCHING: Sql = {
  name: 'leave-matching',
  text: `
  WITH gone AS (DELETE FROM matching_process WHERE process = $1 OR seen_until < now() - interval '1 day')
  UPDATE matching_position SET leased_by = NULL, token = NULL, lease_ends = '-infinity' WHERE leased_by = $1`,
};

export const MATCHING_POSITIONS: Sql = {
  name: 'matching-positions',
  text: `SELECT partition, epoch, xid, seq FROM matching_position ORDER BY partition`,
};
