import type { Sql } from '../database.js';

/**
 * Resources of type $1 behind id $2, as they were at $3, those that changed after $4 (null: all, without deletes) with their text: at most $5,
 * and no more than $6 bytes of text but at least one. Walks the primary key of `resource`; the version of the moment is the first that the
 * primary key of `resource_version`, walked backwards from the current one, meets. Long texts are measured where they lie, and read only
 * where they are sent.
 */
export const EXPORT_PAGE: Sql = { name: 'export-page', text: pageOf('r.id > $2') };

/** The same of the resources with the ids $7 alone, each looked up by the primary key. */
export const EXPORT_PAGE_OF: Sql = { name: 'export-page-of', text: pageOf('r.id > $2 AND r.id = ANY ($7::text[])') };

function pageOf(walked: string): string {
  return `
  WITH page AS MATERIALIZED (
    SELECT r.id, r.version FROM resource AS r
    WHERE r.type = $1 AND ${walked}
    ORDER BY r.id
    LIMIT $5
  ), measured AS (
    SELECT p.id, v.at, v.body, v.before,
           row_number() OVER by_id AS n,
           sum(coalesce(octet_length(v.body), octet_length(v.before), 0)) OVER by_id AS bytes
    FROM page AS p
    LEFT JOIN LATERAL (
      SELECT newest.at, newest.body, CASE WHEN newest.body IS NULL THEN (
        SELECT b.body FROM resource_version AS b WHERE b.type = $1 AND b.id = p.id AND b.version = newest.version - 1
      ) END AS before
      FROM (
        SELECT w.version, w.at, w.body FROM resource_version AS w
        WHERE w.type = $1 AND w.id = p.id AND w.version <= p.version AND w.at <= $3::timestamptz
        ORDER BY w.version DESC
        LIMIT 1
      ) AS newest
      WHERE newest.at > $4::timestamptz OR ($4 IS NULL AND newest.body IS NOT NULL)
    ) AS v ON true
    WINDOW by_id AS (ORDER BY p.id)
  )
  SELECT m.id, m.at, m.body, m.before
  FROM measured AS m
  WHERE m.n = 1 OR m.bytes <= $6
  ORDER BY m.id`;
}

/** The text of resource ($1, $2) as it was at $3. */
export const BODY_AT: Sql = {
  text: `
  SELECT v.body FROM resource_version AS v
  WHERE v.type = $1 AND v.id = $2 AND v.at <= $3::timestamptz
  ORDER BY v.version DESC
  LIMIT 1`,
};

/**
 * Resources of type $1 with one of the keys $2, with one of the ids $3, and with a version made after $4 (so that what had a key then and has lost it
 * is there), each kind up to $5. One statement sees one state of both tables. The keys are gathered from GIN first, as in COMPARTMENT_MEMBERS; the
 * times are found by resource_version_at.
 */
export const EXPORT_CANDIDATES: Sql = {
  text: `
  WITH keyed AS MATERIALIZED (
    SELECT r.id FROM resource AS r WHERE r.keys && $2::bigint[] AND r.type = $1
  ), named AS (
    SELECT r.id FROM resource AS r WHERE r.type = $1 AND r.id = ANY ($3::text[])
  ), changed AS (
    SELECT v.id FROM resource_version AS v WHERE v.type = $1 AND v.at > $4::timestamptz
  )
  (SELECT 'keyed' AS kind, id FROM keyed LIMIT $5)
  UNION ALL (SELECT 'named', id FROM named LIMIT $5)
  UNION ALL (SELECT 'changed', id FROM changed LIMIT $5)`,
};

/** A table is read from end to end only where no index leads anywhere. For one transaction. */
export const BY_INDEX: Sql = { text: 'SET LOCAL enable_seqscan = off' };
