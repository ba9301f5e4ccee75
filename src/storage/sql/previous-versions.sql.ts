import { CHANGE_COLUMNS } from '../change-row.js';
import type { Sql } from '../database.js';

/** The version before each of the given ones (types $1, ids $2, versions $3), deletes left out. By primary key. */
export const PREVIOUS_VERSIONS: Sql = {
  name: 'previous-versions',
  text: `
  SELECT asked.n::integer AS n, ${CHANGE_COLUMNS}
  FROM unnest($1::text[], $2::text[], $3::integer[]) WITH ORDINALITY AS asked (type, id, version, n)
  JOIN resource_version AS v ON v.type = asked.type AND v.id = asked.id AND v.version = asked.version - 1
  WHERE v.body IS NOT NULL`,
};
