import { CHANGE_COLUMNS } from '../change-row.js';
import type { Sql } from '../database.js';

/**
 * The current versions of the resources named pairwise by types $1 and ids $2, deletes included, in no order. One statement serves all
 * reads of one moment: two primary key look-ups a resource, no parsing, no round trip for each.
 * Planned once: docs/adr/0025-planned-once.md.
 */
export const CURRENT_RESOURCES: Sql = {
  name: 'current-resources',
  text: `
  SELECT ${CHANGE_COLUMNS}
  FROM unnest((SELECT $1::text[]), (SELECT $2::text[])) AS asked (type, id)
  CROSS JOIN LATERAL (
    SELECT v.*
    FROM resource AS r
    JOIN resource_version AS v ON v.type = r.type AND v.id = r.id AND v.version = r.version
    WHERE r.type = asked.type AND r.id = asked.id
    LIMIT 1
  ) AS v`,
};
