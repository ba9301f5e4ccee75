import type { Sql } from '../database.js';
import { holderIsGone } from './holder-is-gone.js';

/**
 * Process $1 takes the right to match for $2 seconds, if it is free, run out, its own, or held by a hub that is gone; while it keeps it, it
 * keeps its token. The row lock decides between two that ask at once.
 */
export const LEASE_MATCHING: Sql = {
  name: 'lease-matching',
  text: `
  UPDATE matching_position
  SET token = CASE WHEN leased_by = $1 AND token IS NOT NULL THEN token ELSE gen_random_uuid() END,
      leased_by = $1, lease_ends = now() + make_interval(secs => $2)
  WHERE partition = 0 AND (leased_by = $1 OR leased_by IS NULL OR lease_ends <= now() OR ${holderIsGone('leased_by')})
  RETURNING token, epoch, xid, seq, batch`,
};

/** Process $1 gives the right back, so that another need not wait for the lease to run out. */
export const RELEASE_MATCHING: Sql = {
  name: 'release-matching',
  text: `
  UPDATE matching_position SET leased_by = NULL, token = NULL, lease_ends = '-infinity'
  WHERE partition = 0 AND leased_by = $1`,
};
