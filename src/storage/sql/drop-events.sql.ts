import type { Sql } from '../database.js';

/**
 * Drops the events of each group whose change is older than $1 days, from its oldest on and at most $2 of a group at a time. What a pushed
 * subscription has not acknowledged yet stays, and all behind it; sockets take what is there. The oldest rows are read along the primary
 * key, each change by its position. Groups are updated in the order of their ids, as everywhere.
 */
export const DROP_EVENTS: Sql = {
  name: 'drop-events',
  text: `
  WITH old AS MATERIALIZED (
    SELECT g.group_id, o.n
    FROM filter_group AS g
    CROSS JOIN LATERAL (
      SELECT max(e.n) FILTER (WHERE v.at < now() - $1::integer * interval '1 day') AS n
      FROM (SELECT n, epoch, xid, seq FROM group_event WHERE group_id = g.group_id ORDER BY n LIMIT $2) AS e
      JOIN resource_version AS v ON v.epoch = e.epoch AND v.xid = e.xid AND v.seq = e.seq
    ) AS o
    WHERE o.n IS NOT NULL
  ), owed AS MATERIALIZED (
    SELECT s.group_id, min(s.after_n + greatest(0, c.acknowledged - s.first_number + 1)) AS after_n
    FROM subscription_segment AS s JOIN subscription_cursor AS c USING (subscription_id)
    WHERE c.pushed AND s.after_n + greatest(0, c.acknowledged - s.first_number + 1) < coalesce(s.until_n, 9223372036854775807)
    GROUP BY s.group_id
  ), gone AS MATERIALIZED (
    SELECT old.group_id, least(old.n, owed.after_n) AS n FROM old LEFT JOIN owed USING (group_id)
  ), locked AS MATERIALIZED (
    SELECT g.group_id, gone.n
    FROM filter_group AS g JOIN gone USING (group_id)
    WHERE gone.n > g.gone_n
    ORDER BY g.group_id
    FOR NO KEY UPDATE OF g
  ), marked AS (
    UPDATE filter_group AS g SET gone_n = locked.n FROM locked WHERE g.group_id = locked.group_id
  )
  DELETE FROM group_event AS e USING locked WHERE e.group_id = locked.group_id AND e.n <= locked.n`,
};
