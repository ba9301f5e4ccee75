import type { Sql } from '../database.js';

/** Every current Endpoint; there are few, and both tables are reached by their primary keys. */
export const CURRENT_ENDPOINTS: Sql = {
  name: 'current-endpoints',
  text: `
  SELECT r.id, r.version, v.body
  FROM resource AS r
  JOIN resource_version AS v ON v.type = r.type AND v.id = r.id AND v.version = r.version
  WHERE r.type = 'Endpoint' AND NOT r.deleted
  ORDER BY r.id`,
};
