import { CHANGE_COLUMNS } from '../change-row.js';
import type { Sql } from '../database.js';

/**
 * The versions at the places ($1, $2, $3), in that order. By resource_version_position.
 * Planned once: docs/adr/0025-planned-once.md.
 */
export const VERSIONS_BY_POSITION: Sql = {
  name: 'versions-by-position',
  text: `
  SELECT ${CHANGE_COLUMNS}
  FROM unnest((SELECT $1::integer[]), (SELECT $2::xid8[]), (SELECT $3::bigint[])) WITH ORDINALITY AS asked (epoch, xid, seq, place)
  CROSS JOIN LATERAL (
    SELECT * FROM resource_version AS r
    WHERE r.epoch = asked.epoch AND r.xid = asked.xid AND r.seq = asked.seq
    LIMIT 1
  ) AS v
  ORDER BY asked.place`,
};
