import type { Sql } from '../database.js';

export const SEARCH_REVISION: Sql = { name: 'search-revision', text: `SELECT revision FROM search_generation` };

/** Everything a process has to know, as of one moment. */
export const CUSTOM_PARAMETERS: Sql = {
  text: `
  SELECT g.revision, g.generation,
    (SELECT coalesce(json_agg(json_build_object('id', p.id, 'definition', p.definition::json, 'generation', p.generation) ORDER BY p.id), '[]')
     FROM custom_parameter AS p WHERE p.definition IS NOT NULL) AS parameters,
    (SELECT coalesce(json_agg(json_build_object('type', w.type, 'wanted', w.wanted, 'done', w.done, 'walking', w.walking,
       'walked', w.walked, 'total', w.total, 'reason', w.reason) ORDER BY w.type), '[]')
     FROM reindex AS w) AS walks
  FROM search_generation AS g`,
};

/** Whether what is stored differs from what was taken up. Served by the primary key of resource. */
export const DEFINITIONS_DIFFER: Sql = {
  text: `
  SELECT EXISTS (
    SELECT FROM (SELECT id, version FROM resource WHERE type = 'SearchParameter' AND NOT deleted) AS r
    FULL JOIN custom_parameter AS p USING (id)
    WHERE r.version IS DISTINCT FROM p.version) AS differ`,
};

/** One taker-up at a time; readers go on. */
export const LOCK_DEFINITIONS: Sql = { text: `LOCK TABLE custom_parameter IN SHARE ROW EXCLUSIVE MODE` };

/** Bodies only of what is new and, where one that was used changes or goes, of what was not used: it may take its place. */
export const STORED_DEFINITIONS: Sql = {
  text: `
  WITH freed AS MATERIALIZED (
    SELECT FROM custom_parameter AS u
    LEFT JOIN resource AS c ON c.type = 'SearchParameter' AND c.id = u.id AND NOT c.deleted
    WHERE u.definition IS NOT NULL AND c.version IS DISTINCT FROM u.version
  )
  SELECT r.id, r.version,
    CASE WHEN p.version = r.version AND (p.definition IS NOT NULL OR NOT EXISTS (SELECT FROM freed)) THEN NULL ELSE v.body END AS body
  FROM resource AS r
  JOIN resource_version AS v ON v.type = r.type AND v.id = r.id AND v.version = r.version
  LEFT JOIN custom_parameter AS p ON p.id = r.id
  WHERE r.type = 'SearchParameter' AND NOT r.deleted`,
};

export const TAKEN_DEFINITIONS: Sql = { text: `SELECT id, version, definition, reason FROM custom_parameter` };

/** Ids $1, versions $2, definitions $3, reasons $4; where $5 says so they are of generation $6. */
export const KEEP_DEFINITIONS: Sql = {
  text: `
  INSERT INTO custom_parameter AS p (id, version, definition, reason, generation)
  SELECT t.id, t.version, t.definition, t.reason, CASE WHEN t.is_new THEN $6::integer ELSE 0 END
  FROM unnest($1::text[], $2::integer[], $3::text[], $4::text[], $5::boolean[]) AS t (id, version, definition, reason, is_new)
  ON CONFLICT (id) DO UPDATE
  SET version = excluded.version, definition = excluded.definition, reason = excluded.reason,
      generation = greatest(p.generation, excluded.generation)`,
};

export const FORGET_DEFINITIONS: Sql = { text: `DELETE FROM custom_parameter WHERE id = ANY ($1::text[])` };

/** Types $1 are to be walked by generation $2. A walk that is under way goes on and is followed by another. */
export const WANT_WALKS: Sql = {
  text: `
  INSERT INTO reindex AS w (type, wanted)
  SELECT t.type, $2::integer FROM unnest($1::text[]) AS t (type) ORDER BY t.type
  ON CONFLICT (type) DO UPDATE SET wanted = excluded.wanted, next_try = '-infinity', failures = 0`,
};

/**
 * Waits until every transaction has ended that wrote index rows, and lets no other begin before this one ends: all of them read this table.
 * They would wait behind it, so it gives up soon (55P03) where one does not end.
 */
export const SHUT_WRITERS_OUT: readonly Sql[] = [
  { text: `SET LOCAL lock_timeout = '1s'` },
  { text: `LOCK TABLE search_generation IN ACCESS EXCLUSIVE MODE` },
];

export const NEXT_GENERATION: Sql = { text: `SELECT generation + 1 AS generation FROM search_generation` };

export const SET_GENERATION: Sql = { text: `UPDATE search_generation SET generation = $1, revision = revision + 1` };

export const SET_REVISION: Sql = { text: `UPDATE search_generation SET revision = revision + 1` };

export const DEFINITION_STATE: Sql = {
  text: `SELECT id, version, definition, reason, generation FROM custom_parameter WHERE id = $1`,
};

export const AGAIN: Sql = { text: `UPDATE custom_parameter SET generation = $2 WHERE id = $1 AND definition IS NOT NULL` };
