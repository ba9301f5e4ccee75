import { CHANGE_COLUMNS } from '../change-row.js';
import type { Sql } from '../database.js';

/** Versions of one type ($1) by id and version ($2, $3), in that order, by the primary key; deletes left out. */
export const NAMED_VERSIONS: Sql = {
  name: 'named-versions',
  text: `
  SELECT ${CHANGE_COLUMNS}
  FROM unnest($2::text[], $3::integer[]) WITH ORDINALITY AS asked (id, version, n)
  JOIN resource_version AS v ON v.type = $1 AND v.id = asked.id AND v.version = asked.version
  WHERE v.body IS NOT NULL
  ORDER BY asked.n`,
};
