import { CHANGE_COLUMNS } from '../change-row.js';
import type { Sql } from '../database.js';

/** Current versions of the Subscriptions that take events of the group with fingerprint $1. */
export const GROUP_SUBSCRIPTIONS: Sql = {
  name: 'group-subscriptions',
  text: `
  SELECT ${CHANGE_COLUMNS}
  FROM filter_group AS g
  JOIN subscription_segment AS s ON s.group_id = g.group_id AND s.until_n IS NULL
  JOIN resource AS r ON r.type = 'Subscription' AND r.id = s.subscription_id AND NOT r.deleted
  JOIN resource_version AS v ON v.type = r.type AND v.id = r.id AND v.version = r.version
  WHERE g.fingerprint = $1::bytea
  ORDER BY r.id`,
};
