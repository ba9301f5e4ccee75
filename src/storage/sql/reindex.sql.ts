import type { Sql } from '../database.js';
import { holderIsGone } from './holder-is-gone.js';

/** A type that is due, to process $1 for $2 seconds: where a walk was left, or at the beginning. Those left in the midst come first. */
export const LEASE_WALK: Sql = {
  text: `
  WITH due AS MATERIALIZED (
    SELECT d.type FROM reindex AS d
    WHERE d.wanted > d.done
      AND d.next_try <= now()
      AND (d.lease_ends <= now() OR ${holderIsGone('d.leased_by')})
    ORDER BY d.walking IS NULL, d.wanted, d.type
    LIMIT 1
    FOR UPDATE SKIP LOCKED
  )
  UPDATE reindex AS w
  SET leased_by = $1, token = gen_random_uuid(), lease_ends = now() + make_interval(secs => $2),
      walking = coalesce(w.walking, w.wanted),
      place = CASE WHEN w.walking IS NULL THEN '' ELSE w.place END,
      walked = CASE WHEN w.walking IS NULL THEN 0 ELSE w.walked END,
      total = CASE WHEN w.walking IS NULL THEN (SELECT count(*) FROM resource AS r WHERE r.type = w.type AND NOT r.deleted) ELSE w.total END
  FROM due WHERE w.type = due.type
  RETURNING w.type, w.token, w.walking AS generation, w.done, w.place, w.walked, w.failures`,
};

/**
 * Current resources of type $1 behind id $2: at most $3, and no more than $4 bytes of text but at least one. Walks the primary key of
 * `resource`; long texts are measured where they lie.
 */
export const WALK_PAGE: Sql = {
  name: 'walk-page',
  text: `
  WITH page AS MATERIALIZED (
    SELECT r.rid, r.id, r.version, r.last_updated, r.keys FROM resource AS r
    WHERE r.type = $1 AND r.id > $2 AND NOT r.deleted
    ORDER BY r.id
    LIMIT $3
  ), measured AS (
    SELECT p.*, v.body, row_number() OVER by_id AS n, sum(octet_length(v.body)) OVER by_id AS bytes
    FROM page AS p
    JOIN resource_version AS v ON v.type = $1 AND v.id = p.id AND v.version = p.version
    WINDOW by_id AS (ORDER BY p.id)
  )
  SELECT m.rid, m.id, m.version, m.last_updated AS "lastUpdated", m.keys, m.body
  FROM measured AS m
  WHERE m.n = 1 OR m.bytes <= $4
  ORDER BY m.id`,
};

/** The walk of type $1 (token $2) stands at id $3, $4 resources far, and its lease holds $5 seconds more. */
export const ADVANCE_WALK: Sql = {
  name: 'advance-walk',
  text: `
  UPDATE reindex SET place = $3, walked = $4, lease_ends = now() + make_interval(secs => $5), failures = 0, reason = NULL
  WHERE type = $1 AND token = $2::uuid`,
};

/** Held until the transaction ends: no new generation begins before. */
export const GENERATION: Sql = { name: 'search-generation', text: `SELECT generation FROM search_generation` };

/** Those of the rows $1 that are still of version $2, locked in the order in which writers lock. Served by the index of rids. */
export const LOCK_UNCHANGED: Sql = {
  name: 'lock-unchanged',
  text: `
  SELECT r.rid FROM resource AS r
  JOIN unnest($1::bigint[], $2::integer[]) AS w (rid, version) ON w.rid = r.rid AND w.version = r.version
  WHERE NOT r.deleted
  ORDER BY r.type, r.id
  FOR UPDATE OF r`,
};

/** Index rows of resources that have none: the keys of rids $1 (stretches $3 to $4 of all keys $2), and their rows in the narrow tables. */
export const PUT_INDEX_ROWS: Sql = {
  name: 'put-index-rows',
  text: `
  WITH kept AS (
    UPDATE resource AS r SET keys = ($2::bigint[])[w.first_key:w.last_key]
    FROM unnest($1::bigint[], $3::integer[], $4::integer[]) AS w (rid, first_key, last_key)
    WHERE r.rid = w.rid
  ), dates AS (
    INSERT INTO search_date (rid, param, low, high)
    SELECT d.rid, d.param, to_timestamp(d.low), to_timestamp(d.high)
    FROM unnest($5::bigint[], $6::integer[], $7::double precision[], $8::double precision[]) AS d (rid, param, low, high)
  ), numbers AS (
    INSERT INTO search_number (rid, param, low, high)
    SELECT * FROM unnest($9::bigint[], $10::integer[], $11::double precision[], $12::double precision[])
  ), quantities AS (
    INSERT INTO search_quantity (rid, param, low, high, unit_keys)
    SELECT q.rid, q.param, q.low, q.high, ($17::bigint[])[q.first_key:q.last_key]
    FROM unnest(
      $13::bigint[], $14::integer[], $15::double precision[], $16::double precision[], $18::integer[], $19::integer[]
    ) AS q (rid, param, low, high, first_key, last_key)
  ), strings AS (
    INSERT INTO search_string (rid, param, folded, exact)
    SELECT * FROM unnest($20::bigint[], $21::integer[], $22::text[], $23::text[])
  )
  SELECT`,
};

export const FINISH_WALK: Sql = {
  text: `
  UPDATE reindex
  SET done = walking, walking = NULL, failures = 0, reason = NULL, leased_by = NULL, token = NULL, lease_ends = '-infinity'
  WHERE type = $1 AND token = $2::uuid`,
};

export const RELEASE_WALK: Sql = {
  text: `UPDATE reindex SET leased_by = NULL, token = NULL, lease_ends = '-infinity' WHERE type = $1 AND token = $2::uuid`,
};

export const FAIL_WALK: Sql = {
  text: `
  UPDATE reindex
  SET failures = failures + 1, reason = $3, next_try = now() + make_interval(secs => $4),
      leased_by = NULL, token = NULL, lease_ends = '-infinity'
  WHERE type = $1 AND token = $2::uuid`,
};
