import type { Sql } from '../database.js';

/** How many milliseconds until source $1 may be leased again. */
export const SOURCE_WAIT: Sql = {
  name: 'source-wait',
  text: `
  SELECT extract(epoch FROM greatest(next_poll, lease_ends) - now())::float8 * 1000 AS milliseconds
  FROM source_watermark WHERE endpoint_id = $1 AND greatest(next_poll, lease_ends) > now()`,
};
