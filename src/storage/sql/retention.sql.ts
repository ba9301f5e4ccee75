import type { Sql } from '../database.js';

/** The newest batch stays: who starts to follow begins behind it. At most so many at a time that nobody waits. */
export const DROP_MATCH_BATCHES: Sql = {
  name: 'drop-match-batches',
  text: `
  DELETE FROM match_batch
  WHERE batch < least(
    (SELECT max(batch) FROM match_batch),
    (SELECT min(batch) FROM match_batch) + 100000,
    coalesce((SELECT min(batch) FROM match_batch WHERE at >= now() - $1::integer * interval '1 minute'), 9223372036854775807)
  )`,
};

export const DROP_TOKENS: Sql = {
  name: 'drop-tokens',
  text: `DELETE FROM websocket_token WHERE expires < now() - interval '1 hour'`,
};

/** Days whose partition is too old, and the $2 days to come, each with whether its partition is there. */
export const ATTEMPT_PARTITIONS: Sql = {
  name: 'attempt-partitions',
  text: `
  WITH present AS (
    SELECT substring(c.relname FROM 'attempt_(\\d{4}_\\d\\d_\\d\\d)$') AS day
    FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'attempt'::regclass
  )
  SELECT day, true AS is_old, true AS exists FROM present
  WHERE day IS NOT NULL AND to_date(day, 'YYYY_MM_DD') < (now() AT TIME ZONE 'UTC')::date - $1::integer
  UNION ALL
  SELECT to_char(d, 'YYYY_MM_DD'), false, to_char(d, 'YYYY_MM_DD') IN (SELECT day FROM present WHERE day IS NOT NULL)
  FROM generate_series((now() AT TIME ZONE 'UTC')::date + 1, (now() AT TIME ZONE 'UTC')::date + $2::integer, interval '1 day') AS d`,
};

/** Attempts of a day for which no partition was ready. */
export const DROP_DEFAULT_ATTEMPTS: Sql = {
  name: 'drop-default-attempts',
  text: `DELETE FROM attempt_default WHERE at < now() - $1::integer * interval '1 day'`,
};
