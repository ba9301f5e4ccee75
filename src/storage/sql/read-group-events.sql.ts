import type { Sql } from '../database.js';

/**
 * Events of several stretches (after_n, until_n] of groups, at most $4 of each and no more bodies than $5 bytes (but always the first).
 * The lateral walks the primary key of group_event and meets each version through resource_version_position. The running sum reads the
 * size from the head of a stored text, it unpacks nothing.
 * Planned once: docs/adr/0025-planned-once.md.
 */
export const READ_GROUP_EVENTS: Sql = {
  name: 'read-group-events',
  text: `
  SELECT r.group_id, e.n, e.type, e.id, e.version, e.interaction, e.method, e.at, e.body, e.happened_at
  FROM unnest((SELECT $1::bigint[]), (SELECT $2::bigint[]), (SELECT $3::bigint[])) AS r (group_id, after_n, until_n)
  CROSS JOIN LATERAL (
    SELECT o.n, o.type, o.id, o.version, o.interaction, o.method, o.at, o.body, o.happened_at
    FROM (
      SELECT g.n, v.type, v.id, v.version, v.interaction, v.method, v.at, v.body, g.happened_at,
             sum(octet_length(v.body)) OVER (ORDER BY g.n ROWS UNBOUNDED PRECEDING) AS bytes
      FROM (
        SELECT n, epoch, xid, seq, happened_at FROM group_event
        WHERE group_id = r.group_id AND n > r.after_n AND n <= r.until_n
        ORDER BY n LIMIT (SELECT $4::bigint)
      ) AS g
      CROSS JOIN LATERAL (
        SELECT * FROM resource_version AS w
        WHERE w.epoch = g.epoch AND w.xid = g.xid AND w.seq = g.seq
        LIMIT 1
      ) AS v
    ) AS o
    WHERE o.bytes IS NULL OR o.bytes <= $5 OR o.n = r.after_n + 1
  ) AS e
  ORDER BY r.group_id, e.n`,
};
