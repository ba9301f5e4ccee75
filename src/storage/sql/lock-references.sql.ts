import type { Sql } from '../database.js';

/**
 * Waits for the locks $1 of the space $3, those alone for which $2 holds and the others together with whoever takes them so, until the end
 * of the transaction. They come sorted, so that nobody waits in a circle. Who waits for rows as well takes these first.
 */
export const LOCK_REFERENCES: Sql = {
  name: 'lock-references',
  text: `
  SELECT CASE WHEN t.alone THEN pg_advisory_xact_lock($3::integer, t.stripe) ELSE pg_advisory_xact_lock_shared($3::integer, t.stripe) END
  FROM unnest($1::integer[], $2::boolean[]) AS t (stripe, alone)`,
};
