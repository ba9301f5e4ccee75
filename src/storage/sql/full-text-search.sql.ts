import type { Sql } from '../database.js';

/** How many changes lie behind what is indexed, counted up to $1: resource_version_position from where the index stands. */
export const UNINDEXED_CHANGES: Sql = {
  name: 'unindexed-changes',
  text: `
  SELECT count(*)::integer AS changes
  FROM (
    SELECT FROM full_text_position AS p
    CROSS JOIN LATERAL (
      SELECT FROM resource_version AS v WHERE (v.epoch, v.xid, v.seq) > (p.epoch, p.xid, p.seq) LIMIT $1
    ) AS v
  ) AS counted`,
};

/**
 * Resources whose current version the index does not hold yet: those of the changes behind its place, at most $1 changes. What does not lie
 * behind it has a row of its current version.
 */
export const UNINDEXED_RESOURCES: Sql = {
  name: 'unindexed-resources',
  text: `
  WITH tail AS MATERIALIZED (
    SELECT v.type, v.id, v.version
    FROM full_text_position AS p
    CROSS JOIN LATERAL (
      SELECT t.type, t.id, t.version FROM resource_version AS t
      WHERE (t.epoch, t.xid, t.seq) > (p.epoch, p.xid, p.seq)
      LIMIT $1
    ) AS v
  )
  SELECT r.rid, r.type, r.id, r.version, r.deleted
  FROM tail AS t
  JOIN resource AS r ON r.type = t.type AND r.id = t.id AND r.version = t.version`,
};

/**
 * Up to $2 rows that a tsquery ($1) finds, by resource_words_words. They are gathered before they are counted off, as a limit would lead the
 * planner to walk the table in the hope of meeting enough.
 */
export const RESOURCES_WITH_WORDS: Sql = {
  text: `
  WITH found AS MATERIALIZED (SELECT w.rid, w.version FROM resource_words AS w WHERE w.words @@ $1::tsquery)
  SELECT rid, version FROM found LIMIT $2`,
};

/** The same where a phrase is asked for: rows that know no places are looked at one by one. */
export const RESOURCES_WITH_PHRASES: Sql = {
  text: `
  WITH found AS MATERIALIZED (SELECT w.rid, w.version FROM resource_words AS w WHERE w.words @@ $1::tsquery AND w.placed)
  SELECT rid, version FROM found LIMIT $2`,
};

/**
 * Resources of type $1 that the index cannot decide: those of which no words are kept, and, where $2 is a tsquery, those without places of which it
 * holds. Few are so long; resource_words_long lists them.
 */
export const UNDECIDED_RESOURCES: Sql = {
  name: 'undecided-resources',
  text: `
  SELECT r.rid, r.id, r.version
  FROM resource_words AS w
  JOIN resource AS r ON r.rid = w.rid AND r.version = w.version
  WHERE NOT w.placed AND (w.words IS NULL OR w.words @@ $2::tsquery) AND r.type = $1 AND NOT r.deleted`,
};
