import type { Sql } from '../database.js';

/** Types of which there are resources: one step along the index on (type, last_updated) for each, however many resources there are. */
export const TYPES_PRESENT: Sql = {
  name: 'types-present',
  text: `
  WITH RECURSIVE present AS (
    (SELECT type FROM resource WHERE NOT deleted ORDER BY type LIMIT 1)
    UNION ALL
    SELECT (SELECT r.type FROM resource AS r WHERE NOT r.deleted AND r.type > p.type ORDER BY r.type LIMIT 1)
    FROM present AS p
    WHERE p.type IS NOT NULL
  )
  SELECT type FROM present WHERE type IS NOT NULL`,
};
