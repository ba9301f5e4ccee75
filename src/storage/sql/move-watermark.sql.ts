import type { Sql } from '../database.js';

/** Source $1 was read up to $2; $3 are the versions taken in within the overlap. */
export const MOVE_WATERMARK: Sql = {
  name: 'move-watermark',
  text: `
  INSERT INTO source_watermark (endpoint_id, since, seen, last_success) VALUES ($1, $2, $3, now())
  ON CONFLICT (endpoint_id) DO UPDATE
  SET since = excluded.since, seen = excluded.seen, last_success = excluded.last_success, last_error = NULL`,
};
