import type { Sql } from '../database.js';

/**
 * Takes up to a fair share of free shards for process $1 during $2 seconds, which holds $3 already, each with a fresh fencing token. Free
 * are shards whose lease has run out and those of processes that are gone: every process keeps one connection that bears its name, and
 * PostgreSQL closes it the moment the process dies, so a restart after kill -9 does not have to wait for leases to run out. One that stands
 * still, or is cut off, keeps its connection and says nothing on it: after the time of a lease it is not counted any more, or its
 * part would be nobody's. (When it spoke last is hidden from other roles, to whom it then counts as living.)
 * SKIP LOCKED lets processes pass one another; the CTE fixes the rows before the update touches any.
 */
export const TAKE_SHARDS: Sql = {
  name: 'take-shards',
  text: `
  WITH living AS MATERIALIZED (
    SELECT DISTINCT application_name AS process FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'carillon/%'
      AND coalesce(state_change > now() - $2::integer * interval '1 second', true)
    UNION SELECT $1
  ), share AS MATERIALIZED (
    SELECT ceil((SELECT count(*) FROM delivery_shard)::numeric / (SELECT count(*) FROM living))::integer AS most
  ), free AS MATERIALIZED (
    SELECT shard FROM delivery_shard
    WHERE lease_ends <= now() OR leased_by IS NULL OR leased_by NOT IN (SELECT process FROM living)
    ORDER BY shard
    LIMIT greatest(0, (SELECT most FROM share) - $3::integer)
    FOR UPDATE SKIP LOCKED
  ), taken AS (
    UPDATE delivery_shard AS s
    SET leased_by = $1, token = gen_random_uuid(), lease_ends = now() + $2::integer * interval '1 second'
    FROM free WHERE s.shard = free.shard
    RETURNING s.shard, s.token
  )
  SELECT share.most, taken.shard, taken.token FROM share LEFT JOIN taken ON true`,
};

/** Only a token that is still current is prolonged. Locked in order, as SAVE_CURSORS does. */
export const RENEW_SHARDS: Sql = {
  name: 'renew-shards',
  text: `
  WITH mine AS MATERIALIZED (
    SELECT s.shard
    FROM delivery_shard AS s JOIN unnest($1::smallint[], $2::uuid[]) AS m (shard, token) ON m.shard = s.shard AND m.token = s.token
    ORDER BY s.shard
    FOR UPDATE OF s
  )
  UPDATE delivery_shard AS s SET lease_ends = now() + $3::integer * interval '1 second'
  FROM mine WHERE s.shard = mine.shard
  RETURNING s.shard, s.token`,
};

export const RELEASE_SHARDS: Sql = {
  name: 'release-shards',
  text: `
  WITH mine AS MATERIALIZED (
    SELECT s.shard
    FROM delivery_shard AS s JOIN unnest($1::smallint[], $2::uuid[]) AS m (shard, token) ON m.shard = s.shard AND m.token = s.token
    ORDER BY s.shard
    FOR UPDATE OF s
  )
  UPDATE delivery_shard AS s SET leased_by = NULL, token = NULL, lease_ends = '-infinity'
  FROM mine WHERE s.shard = mine.shard`,
};
