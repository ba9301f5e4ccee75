import type { Sql } from '../database.js';

/**
 * Everything one flush of intake writes, as one statement: versions, current rows, range and prefix keys. Alone it is its own
 * transaction, so a flush of creates is a single round trip.
 *
 * Shape, measured (docs/adr/0003-group-commit.md): numbers and bodies travel as binary arrays, which nobody has to escape, split or read
 * digit by digit; short texts joined by line feeds; the keys of all rows in one array, of which each row takes its stretch. Rids are
 * taken from the sequence beforehand, so that the narrow tables need no join with `resource`.
 *
 * ON CONFLICT instead of a separate UPDATE: its plan always goes through the primary key, also when the statement was planned while
 * the table was empty. A resource that another process made meanwhile is caught by the primary key of `resource_version`.
 * The sort makes `seq` and the answer follow the order of the arrays.
 *
 * $38 is the generation of search definitions that the rows were made by: with another one than the database's the epoch is null, which
 * its column refuses, and nothing is written. The lock on `search_generation` is taken before the statement's snapshot and held until the
 * transaction ends, so none that was made by older definitions commits after a new generation. docs/adr/0020-custom-search-parameters.md
 */
export const APPEND_CHANGES: Sql = {
  name: 'append-changes',
  text: appending(`
    ON CONFLICT (type, id) DO UPDATE
    SET version = excluded.version, deleted = excluded.deleted, last_updated = excluded.last_updated, keys = excluded.keys`),
};

/**
 * The same where no resource had a current row: what must not be there is not looked for before it is written, which spares each resource
 * a second way through the primary key. Should another process have made one meanwhile, the primary keys refuse the lot.
 */
export const APPEND_NEW: Sql = { name: 'append-new', text: appending('') };

/** @param onConflict what becomes of current rows that are there already */
function appending(onConflict: string): string {
  return `
  WITH appended AS (
    INSERT INTO resource_version (epoch, type, id, version, interaction, method, face, at, body, event)
    SELECT CASE WHEN (SELECT generation FROM search_generation) = $38::integer THEN coalesce((SELECT epoch FROM log_epoch), 0) END, v.type, v.id, v.version, v.interaction, v.method, v.face, to_timestamp(v.at), v.body, v.event
    FROM unnest(
      string_to_array($1, E'\\n'), string_to_array($2, E'\\n'), $3::integer[], string_to_array($4, E'\\n'), string_to_array($5, E'\\n'),
      string_to_array($6, E'\\n'), $7::double precision[], $8::text[], string_to_array($9, E'\\n', '')
    ) WITH ORDINALITY AS v (type, id, version, interaction, method, face, at, body, event, n)
    ORDER BY v.n
    RETURNING epoch, xid, seq
  ), kept AS (
    INSERT INTO resource (rid, type, id, version, deleted, last_updated, keys) OVERRIDING SYSTEM VALUE
    SELECT r.rid, r.type, r.id, r.version, r.deleted, to_timestamp(r.at), ($16::bigint[])[r.first_key:r.last_key]
    FROM unnest(
      $10::bigint[], string_to_array($11, E'\\n'), string_to_array($12, E'\\n'), $13::integer[], $14::boolean[], $15::double precision[],
      $17::integer[], $18::integer[]
    ) AS r (rid, type, id, version, deleted, at, first_key, last_key)${onConflict}
  ), dates AS (
    INSERT INTO search_date (rid, param, low, high)
    SELECT d.rid, d.param, to_timestamp(d.low), to_timestamp(d.high)
    FROM unnest($19::bigint[], $20::integer[], $21::double precision[], $22::double precision[]) AS d (rid, param, low, high)
  ), numbers AS (
    INSERT INTO search_number (rid, param, low, high)
    SELECT * FROM unnest($23::bigint[], $24::integer[], $25::double precision[], $26::double precision[])
  ), quantities AS (
    INSERT INTO search_quantity (rid, param, low, high, unit_keys)
    SELECT q.rid, q.param, q.low, q.high, ($31::bigint[])[q.first_key:q.last_key]
    FROM unnest(
      $27::bigint[], $28::integer[], $29::double precision[], $30::double precision[], $32::integer[], $33::integer[]
    ) AS q (rid, param, low, high, first_key, last_key)
  ), strings AS (
    INSERT INTO search_string (rid, param, folded, exact)
    SELECT * FROM unnest($34::bigint[], $35::integer[], $36::text[], $37::text[])
  )
  SELECT epoch, xid, seq FROM appended`;
}
