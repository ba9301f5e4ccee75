import { CHANGE_COLUMNS } from '../change-row.js';
import type { Sql } from '../database.js';
import { RELAXED_COMMIT } from './relaxed-commit.js';

/** Cursors with the current version of their Subscription; a deleted one brings its DELETE row. */
export const LOAD_CURSORS: Sql = {
  name: 'load-cursors',
  text: `
  SELECT c.subscription_id, c.shard, c.life, c.acknowledged, c.failures, c.verified_version, c.last_error,
         extract(epoch FROM c.next_attempt - now()) * 1000 AS due_in_ms,
         extract(epoch FROM now() - c.last_sent_at) * 1000 AS sent_ago_ms,
         ${CHANGE_COLUMNS}
  FROM subscription_cursor AS c
  JOIN resource AS r ON r.type = 'Subscription' AND r.id = c.subscription_id
  JOIN resource_version AS v ON v.type = 'Subscription' AND v.id = c.subscription_id AND v.version = r.version
  WHERE c.subscription_id = ANY ($1::text[])`,
};

/**
 * After taking a shard: whoever may want something. Walks the cursors of the shards once (subscription_cursor_shard); a pushed one with
 * nothing owed, nothing due and a Subscription that has not changed since its endpoint was verified is passed over.
 */
export const UNSETTLED_CURSORS: Sql = {
  name: 'unsettled-cursors',
  text: `
  SELECT c.subscription_id
  FROM subscription_cursor AS c
  JOIN resource AS r ON r.type = 'Subscription' AND r.id = c.subscription_id AND NOT r.deleted
  LEFT JOIN LATERAL (
    SELECT s.first_number - 1 + greatest(0, coalesce(s.until_n, g.last_n) - s.after_n) AS latest
    FROM subscription_segment AS s LEFT JOIN filter_group AS g ON g.group_id = s.group_id
    WHERE s.subscription_id = c.subscription_id ORDER BY s.ordinal DESC LIMIT 1
  ) AS s ON true
  WHERE c.shard = ANY ($1::smallint[])
    AND (c.next_attempt IS NOT NULL OR c.verified_version IS DISTINCT FROM r.version OR (c.pushed AND s.latest > c.acknowledged))`,
};

/** Walks all current Subscriptions: for the start of a process, not for its life. */
export const SUBSCRIPTIONS_MENTIONING: Sql = {
  name: 'subscriptions-mentioning',
  text: `
  SELECT ${CHANGE_COLUMNS}
  FROM resource AS r JOIN resource_version AS v ON v.type = r.type AND v.id = r.id AND v.version = r.version
  WHERE r.type = 'Subscription' AND NOT r.deleted AND strpos(v.body, $1) > 0`,
};

/** Follows subscription_cursor_due. */
export const DUE_CURSORS: Sql = {
  name: 'due-cursors',
  text: `
  SELECT subscription_id FROM subscription_cursor
  WHERE shard = ANY ($1::smallint[]) AND next_attempt <= now()
  ORDER BY next_attempt LIMIT $2`,
};

/** Who takes the events of groups: subscription_segment_group gives the members, the cursor's key their shard. */
export const GROUP_MEMBERS: Sql = {
  name: 'group-members',
  text: `
  SELECT g.group_id, g.last_n, coalesce(array_agg(c.subscription_id) FILTER (WHERE c.subscription_id IS NOT NULL), '{}') AS members
  FROM filter_group AS g
  LEFT JOIN subscription_segment AS s ON s.group_id = g.group_id AND s.until_n IS NULL
  LEFT JOIN subscription_cursor AS c
    ON c.subscription_id = s.subscription_id AND c.pushed AND c.shard = ANY ($2::smallint[])
  WHERE g.group_id = ANY ($1::bigint[])
  GROUP BY g.group_id`,
};

/**
 * Keeps many cursors at once, where the shard's token is still the one given. FOR SHARE holds a taker of the shard back until this is
 * committed, so it reads what was sent; rows are locked in order, so that two statements never wait for one another in a circle.
 * The rows are found by primary key and are updated in place (fillfactor 50) unless a time is set or cleared.
 */
export const SAVE_CURSORS: Sql = {
  name: 'save-cursors',
  text: `
  WITH held AS MATERIALIZED (
    SELECT s.shard
    FROM delivery_shard AS s JOIN unnest($1::smallint[], $2::uuid[]) AS mine (shard, token) ON mine.shard = s.shard AND mine.token = s.token
    ORDER BY s.shard
    FOR SHARE OF s
  )
  UPDATE subscription_cursor AS c
  SET acknowledged = greatest(c.acknowledged, u.acknowledged),
      failures = u.failures,
      next_attempt = now() + u.due_in_ms * interval '1 millisecond',
      verified_version = u.verified_version,
      last_error = u.last_error,
      last_sent_at = CASE WHEN u.sent THEN now() ELSE c.last_sent_at END,
      pushed = u.pushed
  FROM unnest(
    $3::text[], $4::bigint[], $5::integer[], $6::double precision[], $7::integer[], $8::text[], $9::boolean[], $10::boolean[],
    $11::bigint[]
  ) AS u (subscription_id, acknowledged, failures, due_in_ms, verified_version, last_error, sent, pushed, life)
  WHERE c.subscription_id = u.subscription_id AND c.life = u.life AND c.shard IN (SELECT shard FROM held) AND ${RELAXED_COMMIT}
  RETURNING c.subscription_id`,
};

/** Numbers that have arrived at sockets, wherever those are held. They never go back, so no token is needed. */
export const ADVANCE_CURSORS: Sql = {
  name: 'advance-cursors',
  text: `
  WITH rows AS MATERIALIZED (
    SELECT c.subscription_id, u.acknowledged
    FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS u (subscription_id, acknowledged, life)
    JOIN subscription_cursor AS c ON c.subscription_id = u.subscription_id AND c.life = u.life
    WHERE c.acknowledged < u.acknowledged
    ORDER BY c.subscription_id
    FOR NO KEY UPDATE OF c
  )
  UPDATE subscription_cursor AS c
  SET acknowledged = greatest(c.acknowledged, rows.acknowledged), last_sent_at = now()
  FROM rows WHERE c.subscription_id = rows.subscription_id AND ${RELAXED_COMMIT}`,
};
