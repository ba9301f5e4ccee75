import type { Sql } from '../database.js';

/**
 * Of each resource $1/$2 (types and ids) that was ever there, by its place in the arrays: whether it is deleted, and whether it had the
 * version of $3 (where one is asked for) as something else than its end. LATERAL keeps this on the primary keys of both tables.
 */
export const REFERRED_TO: Sql = {
  name: 'referred-to',
  text: `
  SELECT t.n::integer AS n, r.deleted, v.there IS NOT NULL AS "hasVersion"
  FROM unnest($1::text[], $2::text[], $3::integer[]) WITH ORDINALITY AS t (type, id, version, n)
  CROSS JOIN LATERAL (SELECT deleted FROM resource WHERE type = t.type AND id = t.id OFFSET 0) AS r
  LEFT JOIN LATERAL (
    SELECT true AS there FROM resource_version
    WHERE type = t.type AND id = t.id AND version = t.version AND interaction <> 'delete' OFFSET 0
  ) AS v ON true`,
};
