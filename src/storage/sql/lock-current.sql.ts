import type { Sql } from '../database.js';

/**
 * The current version of each resource $1/$2 (types and ids, joined by line feeds), locked until the transaction ends. The list comes
 * sorted, and the nested loop that LATERAL with FOR UPDATE forces takes the locks in that order: two processes never wait for each
 * other in a circle. Served by the primary keys of both tables.
 *
 * Whoever had to wait for a lock gets the newest row of `resource`, but not its version, which was committed after this statement's
 * snapshot: `version` is then null, and the caller begins anew. So a version that is seen here was committed before this transaction
 * took its xid, and (xid, seq) orders the versions of a resource as their numbers do.
 */
export const LOCK_CURRENT: Sql = {
  name: 'lock-current',
  text: `
  SELECT r.rid, v.epoch, v.xid, v.seq, t.type, t.id, v.version, v.interaction, v.method, v.at, v.face, v.body
  FROM unnest(string_to_array($1, E'\\n'), string_to_array($2, E'\\n')) AS t (type, id)
  CROSS JOIN LATERAL (
    SELECT rid, version FROM resource WHERE type = t.type AND id = t.id FOR UPDATE
  ) AS r
  LEFT JOIN LATERAL (
    SELECT * FROM resource_version WHERE type = t.type AND id = t.id AND version = r.version OFFSET 0
  ) AS v ON true`,
};
