import type { Sql } from '../database.js';

/** "carillon full text" for pg_try_advisory_xact_lock: whoever has it indexes. */
const LOCK = 3_118_991_311;

/** Takes the right to index, for this transaction; it gives no transaction id, so it holds up no tail. */
export const TRY_FULL_TEXT_TURN: Sql = { name: 'try-full-text-turn', text: `SELECT pg_try_advisory_xact_lock(${LOCK}) AS taken` };

/**
 * Up to $1 settled changes (see TAIL_CHANGES) behind what is indexed, and no more than $2 bytes of text but at least one: the text of those
 * that are current, `rid` alone of those that are deleted. Served by resource_version_position and the primary keys.
 */
export const CHANGES_TO_INDEX: Sql = {
  name: 'changes-to-index',
  text: `
  WITH tail AS MATERIALIZED (
    SELECT v.*
    FROM full_text_position AS p
    CROSS JOIN LATERAL (
      SELECT t.epoch, t.xid, t.seq, t.type, t.id, t.version
      FROM resource_version AS t
      WHERE (t.epoch, t.xid, t.seq) > (p.epoch, p.xid, p.seq)
        AND (t.xid < pg_snapshot_xmin(pg_current_snapshot()) OR t.epoch < (SELECT epoch FROM log_epoch))
      ORDER BY t.epoch, t.xid, t.seq
      LIMIT $1
    ) AS v
  ), measured AS (
    SELECT t.epoch, t.xid, t.seq, t.type, t.version, r.rid, r.deleted, b.body,
           row_number() OVER in_order AS n,
           sum(coalesce(octet_length(b.body), 0)) OVER in_order AS bytes
    FROM tail AS t
    LEFT JOIN resource AS r ON r.type = t.type AND r.id = t.id AND r.version = t.version
    LEFT JOIN resource_version AS b ON r.rid IS NOT NULL AND b.type = t.type AND b.id = t.id AND b.version = t.version
    WINDOW in_order AS (ORDER BY t.epoch, t.xid, t.seq)
  )
  SELECT m.epoch, m.xid, m.seq, m.type, m.version, m.rid, m.deleted, m.body
  FROM measured AS m
  WHERE m.n = 1 OR m.bytes <= $2
  ORDER BY m.n`,
};

/**
 * Writes the words ($1 rids, $2 versions, $3 whether placed, $4 tsvectors), forgets what is deleted ($5 rids), and moves the place of the
 * index ($6, $7, $8), all at once.
 */
export const KEEP_WORDS: Sql = {
  name: 'keep-words',
  text: `
  WITH kept AS (
    INSERT INTO resource_words (rid, version, placed, words)
    SELECT k.rid, k.version, k.placed, k.words::tsvector
    FROM unnest($1::bigint[], $2::integer[], $3::boolean[], $4::text[]) AS k (rid, version, placed, words)
    ON CONFLICT (rid) DO UPDATE SET version = excluded.version, placed = excluded.placed, words = excluded.words
  ), forgotten AS (
    DELETE FROM resource_words WHERE rid = ANY ($5::bigint[])
  )
  UPDATE full_text_position SET epoch = $6::integer, xid = $7::xid8, seq = $8::bigint`,
};

/** Sorts in what the index keeps in a list, which every search would read from end to end. It writes no row and takes no transaction id. */
export const SORT_IN: Sql = { name: 'sort-in-words', text: `SELECT gin_clean_pending_list('resource_words_words')` };
