import type { Sql } from '../database.js';

/**
 * For each set of keys $1 (arrays as text), by its place: one current resource that has one of them, other than those named in $2
 * (`Type/id`). MATERIALIZED, as LIMIT would otherwise lead the planner through the table instead of the index of keys.
 */
export const STILL_REFERRING: Sql = {
  name: 'still-referring',
  text: `
  SELECT t.n::integer AS n, hit.name
  FROM unnest($1::text[]) WITH ORDINALITY AS t (keys, n)
  CROSS JOIN LATERAL (
    WITH keyed AS MATERIALIZED (
      SELECT r.type || '/' || r.id AS name FROM resource AS r WHERE r.keys && t.keys::bigint[] AND NOT r.deleted
    )
    SELECT name FROM keyed WHERE name <> ALL ($2::text[]) LIMIT 1
  ) AS hit`,
};
