import { CHANGE_COLUMNS } from '../change-row.js';
import type { Sql } from '../database.js';

/**
 * The version before each of the given ones (types $1, ids $2, versions $3), deletes left out. By primary key.
 * Planned once: docs/adr/0025-planned-once.md.
 */
export const PREVIOUS_VERSIONS: Sql = {
  name: 'previous-versions',
  text: `
  SELECT asked.n::integer AS n, ${CHANGE_COLUMNS}
  FROM unnest((SELECT $1::text[]), (SELECT $2::text[]), (SELECT $3::integer[])) WITH ORDINALITY AS asked (type, id, version, n)
  CROSS JOIN LATERAL (
    SELECT * FROM resource_version AS r
    WHERE r.type = asked.type AND r.id = asked.id AND r.version = asked.version - 1
    LIMIT 1
  ) AS v
  WHERE v.body IS NOT NULL`,
};
