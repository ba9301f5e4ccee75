import type { Sql } from '../database.js';
import { RELAXED_COMMIT } from './relaxed-commit.js';

/** Many attempts in one statement; the partition of the day takes them. */
export const APPEND_ATTEMPTS: Sql = {
  name: 'append-attempts',
  text: `
  INSERT INTO attempt (
    at, subscription_id, kind, first_number, last_number, outcome, http_status, milliseconds, reason, detail, next_at, resend_id
  )
  SELECT to_timestamp(u.at), u.subscription_id, u.kind, u.first_number, u.last_number, u.outcome, u.http_status, u.milliseconds,
         u.reason, u.detail, to_timestamp(u.next_at), u.resend_id
  FROM unnest(
    $1::double precision[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::smallint[], $8::integer[],
    $9::text[], $10::text[], $11::double precision[], $12::bigint[]
  ) AS u (
    at, subscription_id, kind, first_number, last_number, outcome, http_status, milliseconds, reason, detail, next_at, resend_id
  )
  WHERE ${RELAXED_COMMIT}`,
};

const RECORDED = `
  (extract(epoch FROM at) * 1000000)::bigint AS at_us, coalesce(attempt_id, 0) AS attempt_id, at, kind, first_number, last_number, outcome,
  http_status, milliseconds, reason, detail, next_at, resend_id`;

/**
 * Attempts of subscription $1, newest first, at most $9: with outcome $2, begun in [$3, $4], that event $5 went along with, after the place
 * ($6 in microseconds, $7). Walks the index of each partition backwards as far as it has to; WITH TIES takes those of one moment
 * together, so that they can be put in their order outside. $8: the place is given.
 */
export const READ_ATTEMPTS: Sql = {
  name: 'read-attempts',
  text: `
  SELECT * FROM (
    SELECT ${RECORDED}
    FROM attempt
    WHERE subscription_id = $1
      AND ($2::text IS NULL OR outcome = $2)
      AND at >= coalesce($3::timestamptz, '-infinity') AND at <= coalesce($4::timestamptz, 'infinity')
      AND ($5::bigint IS NULL OR (first_number <= $5 AND last_number >= $5))
      AND at <= CASE WHEN $8 THEN timestamptz 'epoch' + $6::bigint * interval '1 microsecond' ELSE 'infinity' END
      AND (NOT $8 OR (at, coalesce(attempt_id, 0)) < (timestamptz 'epoch' + $6::bigint * interval '1 microsecond', $7::bigint))
    ORDER BY at DESC
    FETCH FIRST $9 ROWS WITH TIES
  ) AS newest
  ORDER BY at_us DESC, attempt_id DESC
  LIMIT $9`,
};

/** Parked once; a second park of the same event (after a crash) changes nothing. */
export const PARK_EVENTS: Sql = {
  name: 'park-events',
  text: `
  INSERT INTO dead_letter (subscription_id, number, reason)
  SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[])
  ON CONFLICT DO NOTHING`,
};

/** Events of subscription $1 that were set aside, newest first, at most $4: of those taken since ($2 true) or not; below number $3. By the primary key. */
export const READ_LETTERS: Sql = {
  name: 'read-letters',
  text: `
  SELECT number, at, reason, sent_again, refused_at, resolved_at
  FROM dead_letter
  WHERE subscription_id = $1
    AND ($2::boolean IS NULL OR (resolved_at IS NOT NULL) = $2)
    AND ($3::bigint IS NULL OR number < $3)
  ORDER BY number DESC
  LIMIT $4`,
};

/** Letters taken after all $1 days ago, and others that were set aside $2 days ago (NULL: those stay), as their events are gone by then. */
export const DROP_LETTERS: Sql = {
  name: 'drop-letters',
  text: `
  DELETE FROM dead_letter
  WHERE resolved_at < now() - $1::integer * interval '1 day'
     OR (resolved_at IS NULL AND coalesce(refused_at, at) < now() - $2::integer * interval '1 day')`,
};
