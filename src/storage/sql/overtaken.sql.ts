import type { Sql } from '../database.js';

/**
 * Which of the given versions (types $1, ids $2, versions $3, places $4, $5, $6) a higher version stands before in the log. By primary key:
 * a resource has few versions above one that was just written.
 */
export const OVERTAKEN: Sql = {
  name: 'overtaken',
  text: `
  SELECT asked.n::integer AS n
  FROM unnest($1::text[], $2::text[], $3::integer[], $4::integer[], $5::xid8[], $6::bigint[])
    WITH ORDINALITY AS asked (type, id, version, epoch, xid, seq, n)
  WHERE EXISTS (
    SELECT FROM resource_version AS v
    WHERE v.type = asked.type AND v.id = asked.id AND v.version > asked.version
      AND (v.epoch, v.xid, v.seq) < (asked.epoch, asked.xid, asked.seq)
  )`,
};
