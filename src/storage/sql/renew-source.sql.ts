import type { Sql } from '../database.js';

/** Keeps the lease on source $1 with token $2 for $3 more seconds; touches no row where it has run out and been taken by another. */
export const RENEW_SOURCE: Sql = {
  name: 'renew-source',
  text: `
  UPDATE source_watermark SET lease_ends = now() + make_interval(secs => $3)
  WHERE endpoint_id = $1 AND token = $2`,
};
