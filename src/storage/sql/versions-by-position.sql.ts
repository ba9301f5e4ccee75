import { CHANGE_COLUMNS } from '../change-row.js';
import type { Sql } from '../database.js';

/** The versions at the places ($1, $2, $3), in that order. By resource_version_position. */
export const VERSIONS_BY_POSITION: Sql = {
  name: 'versions-by-position',
  text: `
  SELECT ${CHANGE_COLUMNS}
  FROM unnest($1::integer[], $2::xid8[], $3::bigint[]) WITH ORDINALITY AS asked (epoch, xid, seq, place)
  JOIN resource_version AS v ON v.epoch = asked.epoch AND v.xid = asked.xid AND v.seq = asked.seq
  ORDER BY asked.place`,
};
