import type { Sql } from '../database.js';

/**
 * Up to $4 changes before the place ($1, $2, $3), newest first: resource_version_position read backwards. Bodies that nobody will look at
 * (types other than $5; NULL: all are looked at) are not read.
 */
export const RECENT_CHANGES: Sql = {
  name: 'recent-changes',
  text: `
  SELECT v.epoch, v.xid, v.seq, v.type, v.id, v.version, v.interaction, v.method, v.face, v.at,
         CASE WHEN $5::text[] IS NULL OR v.type = ANY ($5) THEN v.body END AS body
  FROM resource_version AS v
  WHERE (v.epoch, v.xid, v.seq) < ($1::integer, $2::xid8, $3::bigint)
  ORDER BY v.epoch DESC, v.xid DESC, v.seq DESC
  LIMIT $4`,
};
