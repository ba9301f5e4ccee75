import type { Sql } from '../database.js';

/**
 * The profiles, tags and security labels of the current resources that have one of the keys $1: the presence keys of `_profile`, `_tag` and
 * `_security`, so that the index on `keys` leaves out what has none. Equal Metas are united before they are taken apart.
 */
export const META_IN_USE: Sql = {
  name: 'meta-in-use',
  text: `
  WITH used AS MATERIALIZED (
    SELECT DISTINCT (v.body::json -> 'meta')::jsonb - '{versionId,lastUpdated,source}'::text[] AS meta
    FROM resource AS r
    JOIN resource_version AS v ON v.type = r.type AND v.id = r.id AND v.version = r.version
    WHERE r.keys && $1::bigint[] AND NOT r.deleted
  )
  SELECT kind, system, code, min(display) AS display FROM (
    SELECT 'profile' AS kind, NULL AS system, item #>> '{}' AS code, NULL AS display
    FROM used, jsonb_path_query(meta, '$.profile[*]') AS item
    UNION ALL
    SELECT 'security', item ->> 'system', item ->> 'code', item ->> 'display'
    FROM used, jsonb_path_query(meta, '$.security[*]') AS item
    UNION ALL
    SELECT 'tag', item ->> 'system', item ->> 'code', item ->> 'display'
    FROM used, jsonb_path_query(meta, '$.tag[*]') AS item
  ) AS label
  WHERE system IS NOT NULL OR code IS NOT NULL
  GROUP BY kind, system, code
  ORDER BY kind, system, code`,
};
