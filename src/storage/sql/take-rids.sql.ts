import type { Sql } from '../database.js';

/** The next $1 row numbers of `resource`. */
export const TAKE_RIDS: Sql = {
  name: 'take-rids',
  text: `SELECT nextval(pg_get_serial_sequence('resource', 'rid')) AS rid FROM generate_series(1, $1::integer)`,
};
