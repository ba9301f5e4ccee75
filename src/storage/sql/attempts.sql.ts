import type { Sql } from '../database.js';

/** Many attempts in one statement; the partition of the day takes them. */
export const APPEND_ATTEMPTS: Sql = {
  name: 'append-attempts',
  text: `
  INSERT INTO attempt (at, subscription_id, kind, first_number, last_number, outcome, http_status, milliseconds, detail)
  SELECT to_timestamp(u.at), u.subscription_id, u.kind, u.first_number, u.last_number, u.outcome, u.http_status, u.milliseconds, u.detail
  FROM unnest(
    $1::double precision[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::smallint[], $8::integer[], $9::text[]
  ) AS u (at, subscription_id, kind, first_number, last_number, outcome, http_status, milliseconds, detail)`,
};

/** Parked once; a second park of the same event (after a crash) changes nothing. */
export const PARK_EVENTS: Sql = {
  name: 'park-events',
  text: `
  INSERT INTO dead_letter (subscription_id, number, reason)
  SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[])
  ON CONFLICT DO NOTHING`,
};
