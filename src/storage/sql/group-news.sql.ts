import type { Sql } from '../database.js';
import { TOPICS_WRITTEN } from './stored-topics.sql.js';

/**
 * How far the groups $1 have come, the places of their events after $2 (at most $3 of each), the sum of {@link TOPICS_WRITTEN} and the newest
 * batch of matching, all at one moment. Walks the primary key of group_event; bodies are not touched.
 * Planned once: docs/adr/0025-planned-once.md.
 */
export const GROUP_NEWS: Sql = {
  name: 'group-news',
  text: `
  SELECT g.group_id, g.last_n, (${TOPICS_WRITTEN.text}) AS topics_written,
         (SELECT coalesce(max(batch), 0) FROM match_batch) AS batch, e.n, e.epoch, e.xid, e.seq, e.happened_at
  FROM unnest((SELECT $1::bigint[]), (SELECT $2::bigint[])) AS r (group_id, after_n)
  CROSS JOIN LATERAL (SELECT group_id, last_n FROM filter_group WHERE group_id = r.group_id LIMIT 1) AS g
  LEFT JOIN LATERAL (
    SELECT n, epoch, xid, seq, happened_at FROM group_event
    WHERE group_id = r.group_id AND n > r.after_n
    ORDER BY n LIMIT (SELECT $3::bigint)
  ) AS e ON true
  ORDER BY g.group_id, e.n`,
};
