import type { Sql } from '../database.js';

/** Counting ends here: whoever has more to look at does not need to know how much more. */
const MOST_COUNTED = 100_000;

/**
 * Subscriptions by status: $1 the statuses, $2 the equality key of each. Served by resource_keys; a key holds the resource type, so it
 * finds Subscriptions alone.
 */
export const SUBSCRIPTIONS_BY_STATUS: Sql = {
  text: `
  SELECT u.status, (SELECT count(*) FROM resource AS r WHERE r.keys @> ARRAY[u.key] AND NOT r.deleted)::float8 AS subscriptions
  FROM unnest($1::text[], $2::bigint[]) AS u (status, key)`,
};

/** Events set aside that nobody has mended, requests to send again that are not through. Both tables are small; the second has an index for it. */
export const SET_ASIDE: Sql = {
  text: `
  SELECT (SELECT count(*) FROM (SELECT FROM dead_letter WHERE resolved_at IS NULL LIMIT ${MOST_COUNTED}) AS d)::float8 AS dead_letters,
         (SELECT count(*) FROM (SELECT FROM resend WHERE state = 'open' AND NOT to_sockets LIMIT ${MOST_COUNTED}) AS r)::float8 AS replays`,
};

/** Who is there and who holds what; $1 is this process. A lease of a hub that is gone counts as free, as those see it who take leases. */
export const LEASES: Sql = {
  text: `
  WITH living AS MATERIALIZED (
    SELECT DISTINCT application_name AS process FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'carillon/%'
  ), shard AS (
    SELECT s.lease_ends > now() AND s.leased_by IN (SELECT process FROM living) AS held FROM delivery_shard AS s
  ), matching AS (
    SELECT CASE WHEN p.lease_ends > now() AND p.leased_by IN (SELECT process FROM living) THEN p.leased_by END AS holder
    FROM matching_position AS p
  )
  SELECT (SELECT count(*) FROM living)::float8 AS processes,
         (SELECT count(*) FROM shard WHERE held)::float8 AS shards_held,
         (SELECT count(*) FROM shard WHERE held IS NOT TRUE)::float8 AS shards_free,
         (SELECT count(*) FROM matching WHERE holder = $1)::float8 AS matching_own,
         (SELECT count(*) FROM matching WHERE holder <> $1)::float8 AS matching_others,
         (SELECT count(*) FROM matching WHERE holder IS NULL)::float8 AS matching_nobody`,
};

/** What is stored and not matched. Both parts walk resource_version_position from where matching stands. */
export const UNMATCHED: Sql = {
  text: `
  SELECT found.changes::float8 AS changes, coalesce(greatest(0, extract(epoch FROM now() - oldest.at)), 0)::float8 AS seconds
  FROM (SELECT epoch, xid, seq FROM matching_position ORDER BY epoch, xid, seq LIMIT 1) AS p
  CROSS JOIN LATERAL (
    SELECT count(*) AS changes
    FROM (SELECT FROM resource_version AS v WHERE (v.epoch, v.xid, v.seq) > (p.epoch, p.xid, p.seq) LIMIT ${MOST_COUNTED}) AS counted
  ) AS found
  LEFT JOIN LATERAL (
    SELECT v.at FROM resource_version AS v
    WHERE (v.epoch, v.xid, v.seq) > (p.epoch, p.xid, p.seq) ORDER BY v.epoch, v.xid, v.seq LIMIT 1
  ) AS oldest ON true`,
};

/** What is stored and not in the full-text index. Both parts walk resource_version_position from where the index stands. */
export const UNINDEXED: Sql = {
  text: `
  SELECT found.changes::float8 AS changes, coalesce(greatest(0, extract(epoch FROM now() - oldest.at)), 0)::float8 AS seconds
  FROM full_text_position AS p
  CROSS JOIN LATERAL (
    SELECT count(*) AS changes
    FROM (SELECT FROM resource_version AS v WHERE (v.epoch, v.xid, v.seq) > (p.epoch, p.xid, p.seq) LIMIT ${MOST_COUNTED}) AS counted
  ) AS found
  LEFT JOIN LATERAL (
    SELECT v.at FROM resource_version AS v
    WHERE (v.epoch, v.xid, v.seq) > (p.epoch, p.xid, p.seq) ORDER BY v.epoch, v.xid, v.seq LIMIT 1
  ) AS oldest ON true`,
};

/**
 * Who holds back pg_snapshot_xmin, below which the log is settled: the oldest transaction of the whole cluster that has an id, in whatever
 * database, also a prepared one. No row where nothing writes; a row without a pid where it ended meanwhile; without seconds where its beginning
 * may not be seen (a role sees when transactions of others began as a member of pg_read_all_stats only).
 */
export const LOG_HORIZON: Sql = {
  text: `
  WITH oldest AS MATERIALIZED (
    SELECT pg_snapshot_xmin(s) AS xmin, pg_snapshot_xmax(s) AS xmax FROM pg_current_snapshot() AS s
  )
  SELECT oldest.xmin::text AS xid, held.pid, held.application_name, held.database, held.state,
         CASE WHEN held.since IS NOT NULL THEN greatest(0, extract(epoch FROM clock_timestamp() - held.since))::float8 END AS seconds
  FROM oldest
  LEFT JOIN LATERAL (
    SELECT pid, application_name, datname::text AS database, state, xact_start AS since
    FROM pg_stat_activity WHERE backend_xid = oldest.xmin::xid
    UNION ALL
    SELECT -1, 'prepared transaction ' || gid, database::text, 'prepared', prepared
    FROM pg_prepared_xacts WHERE transaction = oldest.xmin::xid
    LIMIT 1
  ) AS held ON true
  WHERE held.pid IS NOT NULL OR oldest.xmin < oldest.xmax`,
};

/** Sources that are polled: $1 is the equality key of an Endpoint that is active. One row for each source that ever was. */
export const SOURCES: Sql = {
  text: `
  SELECT count(*) FILTER (WHERE w.failures = 0)::float8 AS well,
         count(*) FILTER (WHERE w.failures > 0)::float8 AS failing,
         coalesce(max(greatest(0, extract(epoch FROM now() - w.last_success))), 0)::float8 AS lag_seconds
  FROM source_watermark AS w
  JOIN resource AS r ON r.type = 'Endpoint' AND r.id = w.endpoint_id AND NOT r.deleted AND r.keys @> ARRAY[$1::bigint]`,
};

/** Custom search parameters by whether all types of theirs are indexed, and what the walks under way have before them. Small tables. */
export const SEARCH_PARAMETERS: Sql = {
  text: `
  SELECT count(*) FILTER (WHERE NOT p.open)::float8 AS usable, count(*) FILTER (WHERE p.open)::float8 AS indexing,
         (SELECT coalesce(sum(greatest(0, w.total - w.walked)), 0)::float8 FROM reindex AS w WHERE w.walking IS NOT NULL) AS left
  FROM (
    SELECT EXISTS (
      SELECT FROM json_object_keys(c.definition::json -> 'rows') AS t (type)
      LEFT JOIN reindex AS w ON w.type = t.type
      WHERE coalesce(w.done, -1) < c.generation) AS open
    FROM custom_parameter AS c WHERE c.definition IS NOT NULL
  ) AS p`,
};

/** Ages of the events ($1, $2): two steps down an index for each. */
export const AGES_OF_EVENTS: Sql = {
  text: `
  SELECT u.place::integer AS place, greatest(0, extract(epoch FROM now() - coalesce(e.happened_at, v.at)))::float8 AS seconds
  FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS u (group_id, n, place)
  JOIN group_event AS e ON e.group_id = u.group_id AND e.n = u.n
  JOIN resource_version AS v ON v.epoch = e.epoch AND v.xid = e.xid AND v.seq = e.seq`,
};
