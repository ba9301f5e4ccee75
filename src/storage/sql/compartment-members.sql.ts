import { CHANGE_COLUMNS } from '../change-row.js';
import type { Sql } from '../database.js';

/**
 * Current resources with one of the keys $1, changed at $2 or later (null: whenever), behind type $3 and id $4 in order, whose dates $5 (ids
 * of parameters) overlap [$6, $7) or are none; $8 of them. The keys are gathered from GIN first: a compartment is small, and the
 * planner, to whom all keys seem alike, would rather walk the primary key of the whole table.
 */
export const COMPARTMENT_MEMBERS: Sql = {
  name: 'compartment-members',
  text: `
  WITH member AS MATERIALIZED (
    SELECT r.rid, r.type, r.id, r.version
    FROM resource AS r
    WHERE r.keys && $1::bigint[] AND NOT r.deleted AND ($2::timestamptz IS NULL OR r.last_updated >= $2)
  )
  SELECT ${CHANGE_COLUMNS}
  FROM (
    SELECT m.type, m.id, m.version
    FROM member AS m
    WHERE ($3::text IS NULL OR (m.type, m.id) > ($3, $4))
      AND ($5::integer[] IS NULL
        OR NOT EXISTS (SELECT FROM search_date AS d WHERE d.rid = m.rid AND d.param = ANY ($5))
        OR EXISTS (SELECT FROM search_date AS d WHERE d.rid = m.rid AND d.param = ANY ($5) AND d.low < $7 AND d.high > $6))
    ORDER BY m.type, m.id
    LIMIT $8
  ) AS page
  JOIN resource_version AS v ON v.type = page.type AND v.id = page.id AND v.version = page.version
  ORDER BY v.type, v.id`,
};
