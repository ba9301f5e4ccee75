import type { Sql } from '../database.js';

/**
 * Places of up to $4 committed changes after the place ($1, $2, $3), in log order. A sequence number alone loses rows (1.8 to 59 % in a
 * measurement): it is taken at insert and seen at commit. Rows below the oldest transaction that still writes are settled: nothing can
 * come before them any more. Ids of an older epoch belong to another cluster, so they are settled whatever they say.
 * Served by resource_version_position alone, whose order is the one wanted.
 * Planned once: docs/adr/0025-planned-once.md.
 */
export const TAIL_CHANGES: Sql = {
  name: 'tail-changes',
  text: `
  SELECT v.epoch, v.xid, v.seq
  FROM resource_version AS v
  WHERE (v.epoch, v.xid, v.seq) > ((SELECT $1::integer), (SELECT $2::xid8), (SELECT $3::bigint))
    AND (v.xid < pg_snapshot_xmin(pg_current_snapshot()) OR v.epoch < (SELECT epoch FROM log_epoch))
  ORDER BY v.epoch, v.xid, v.seq
  LIMIT (SELECT $4::bigint)`,
};
