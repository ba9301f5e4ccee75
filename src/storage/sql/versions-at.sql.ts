import { CHANGE_COLUMNS } from '../change-row.js';
import type { Sql } from '../database.js';

/**
 * The version that each resource (types $1, ids $2) had at a place of the log (epochs $3, transactions $4, sequences $5), deletes left
 * out. Walks the primary key backwards from the newest version to the first that stood there by then.
 */
export const VERSIONS_AT: Sql = {
  name: 'versions-at',
  text: `
  SELECT asked.n::integer AS n, ${CHANGE_COLUMNS}
  FROM unnest($1::text[], $2::text[], $3::integer[], $4::xid8[], $5::bigint[]) WITH ORDINALITY AS asked (type, id, epoch, xid, seq, n)
  CROSS JOIN LATERAL (
    SELECT * FROM resource_version AS r
    WHERE r.type = asked.type AND r.id = asked.id AND (r.epoch, r.xid, r.seq) <= (asked.epoch, asked.xid, asked.seq)
    ORDER BY r.version DESC LIMIT 1
  ) AS v
  WHERE v.body IS NOT NULL`,
};
