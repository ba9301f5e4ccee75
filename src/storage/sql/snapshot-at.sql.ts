import { CHANGE_COLUMNS } from '../change-row.js';
import type { Sql } from '../database.js';

/**
 * Up to $6 resources of type $1 as they were at the place ($2, $3, $4), deletes included, by id after $5. The newest version of a
 * resource is the one with the highest number, also where two versions stand in the log in another order. Walks the primary key.
 */
export const SNAPSHOT_AT: Sql = {
  name: 'snapshot-at',
  text: `
  SELECT DISTINCT ON (v.id) ${CHANGE_COLUMNS}
  FROM resource_version AS v
  WHERE v.type = $1 AND v.id > $5 AND (v.epoch, v.xid, v.seq) <= ($2::integer, $3::xid8, $4::bigint)
  ORDER BY v.id, v.version DESC
  LIMIT $6`,
};
