import { CHANGE_COLUMNS } from '../change-row.js';
import type { Sql } from '../database.js';

/** Version $3 of $1/$2, by primary key. */
export const RESOURCE_VERSION: Sql = {
  name: 'resource-version',
  text: `
  SELECT ${CHANGE_COLUMNS}
  FROM resource_version AS v
  WHERE v.type = $1 AND v.id = $2 AND v.version = $3`,
};
