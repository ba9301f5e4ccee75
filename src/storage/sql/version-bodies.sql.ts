import type { Sql } from '../database.js';

/** Texts of versions of one type ($1) by id and version ($2, $3), by the primary key; deletes left out. */
export const VERSION_BODIES: Sql = {
  name: 'version-bodies',
  text: `
  SELECT v.id, v.body
  FROM unnest($2::text[], $3::integer[]) AS asked (id, version)
  JOIN resource_version AS v ON v.type = $1 AND v.id = asked.id AND v.version = asked.version
  WHERE v.body IS NOT NULL`,
};
