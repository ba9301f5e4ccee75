import type { Sql } from '../database.js';

/**
 * Ends the lease on source $1 with token $2: failures $3, last error $4, due again in $5 milliseconds, whether it succeeded $6, and
 * where $7 the watermark $8, $9. Touches no row where the lease has passed to another.
 */
export const END_POLL: Sql = {
  name: 'end-poll',
  text: `
  UPDATE source_watermark
  SET failures = $3,
      last_error = $4,
      next_poll = now() + make_interval(secs => $5::float8 / 1000),
      last_success = CASE WHEN $6 THEN now() ELSE last_success END,
      since = CASE WHEN $7 THEN $8::timestamptz ELSE since END,
      seen = CASE WHEN $7 THEN $9::text[] ELSE seen END,
      leased_by = NULL,
      token = NULL,
      lease_ends = '-infinity'
  WHERE endpoint_id = $1 AND token = $2`,
};
