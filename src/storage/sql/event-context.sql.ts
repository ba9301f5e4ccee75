import type { Sql } from '../database.js';

/** Canonicals of the topics that groups are about. */
export const GROUP_TOPICS: Sql = {
  name: 'group-topics',
  text: `
  SELECT group_id, definition::jsonb ->> 'topic' AS topic
  FROM filter_group
  WHERE group_id = ANY ($1::bigint[]) AND definition::jsonb ->> 'kind' = 'topic'`,
};

/**
 * Resources for the context of events, current and not deleted: those named (types $1, ids $2), and of each type and equality key ($3, $4)
 * at most $5. Named ones meet two primary keys, those under a key the GIN index of keys. The inner CTE is planned without the limit,
 * which would lead the planner to walk the table in the hope of meeting enough soon (seconds instead of 0.1 ms where there are
 * none), and it is read no further than the limit. Bodies beyond $6 bytes in all come as null.
 */
export const FIND_CONTEXT: Sql = {
  name: 'find-context',
  text: `
  WITH found AS (
    SELECT NULL::bigint AS key, asked.n, r.type, r.id, r.version
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked (type, id, n)
    JOIN resource AS r ON r.type = asked.type AND r.id = asked.id AND NOT r.deleted
    UNION ALL
    SELECT asked.key, asked.n, r.type, r.id, r.version
    FROM unnest($3::text[], $4::bigint[]) WITH ORDINALITY AS asked (type, key, n)
    CROSS JOIN LATERAL (
      WITH keyed AS MATERIALIZED (SELECT type, id, version, deleted FROM resource WHERE keys @> ARRAY[asked.key])
      SELECT type, id, version FROM keyed WHERE type = asked.type AND NOT deleted LIMIT $5
    ) AS r
  )
  SELECT f.key, v.type, v.id, v.version, v.interaction, v.method, v.at,
         CASE WHEN sum(octet_length(v.body)) OVER (ORDER BY f.key NULLS FIRST, f.n, v.id ROWS UNBOUNDED PRECEDING) <= $6
              THEN v.body END AS body
  FROM found AS f
  JOIN resource_version AS v ON v.type = f.type AND v.id = f.id AND v.version = f.version`,
};
