import type { Sql } from '../database.js';

/**
 * Waits for the advisory locks $1 (64-bit hashes, sorted, so that nobody waits in a circle) until the end of the transaction. Writes
 * nothing, so the transaction has no id and holds the tail of the change log up for nobody.
 */
export const LOCK_CONDITIONS: Sql = {
  name: 'lock-conditions',
  text: `SELECT pg_advisory_xact_lock(key) FROM unnest($1::bigint[]) AS key`,
};
