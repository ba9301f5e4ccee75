import type { Sql } from '../database.js';
import { holderIsGone } from './holder-is-gone.js';

/**
 * Gives process $4 the right to poll source $1 (Endpoint version $2, fingerprint $3) for $5 seconds, where nobody holds it and the
 * source is due: by the clock, or because the Endpoint has changed. Another fingerprint also forgets how far the source was read. One
 * statement on one row, so two processes cannot both succeed: the second waits for the row and then finds the lease taken.
 */
export const LEASE_SOURCE: Sql = {
  name: 'lease-source',
  text: `
  INSERT INTO source_watermark AS s (endpoint_id, endpoint_version, fingerprint, leased_by, token, lease_ends)
  VALUES ($1, $2, $3, $4, gen_random_uuid(), now() + make_interval(secs => $5))
  ON CONFLICT (endpoint_id) DO UPDATE
  SET endpoint_version = excluded.endpoint_version,
      since = CASE WHEN s.fingerprint = excluded.fingerprint THEN s.since END,
      seen = CASE WHEN s.fingerprint = excluded.fingerprint THEN s.seen ELSE '{}' END,
      failures = CASE WHEN s.endpoint_version = excluded.endpoint_version THEN s.failures ELSE 0 END,
      fingerprint = excluded.fingerprint,
      leased_by = excluded.leased_by,
      token = excluded.token,
      lease_ends = excluded.lease_ends
  WHERE (s.lease_ends <= now() OR ${holderIsGone('s.leased_by')})
    AND (s.next_poll <= now() OR s.endpoint_version <> excluded.endpoint_version OR s.fingerprint <> excluded.fingerprint)
  RETURNING since, seen, failures, last_error AS "lastError", token`,
};
