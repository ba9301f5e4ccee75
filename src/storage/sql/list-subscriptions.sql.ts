import { CHANGE_COLUMNS } from '../change-row.js';
import type { Sql } from '../database.js';

/** Current Subscriptions by primary key, with what delivery last met with. $1 NULL: all of them. */
export const LIST_SUBSCRIPTIONS: Sql = {
  name: 'list-subscriptions',
  text: `
  SELECT ${CHANGE_COLUMNS}, c.last_error
  FROM resource AS r
  JOIN resource_version AS v ON v.type = r.type AND v.id = r.id AND v.version = r.version
  LEFT JOIN subscription_cursor AS c ON c.subscription_id = r.id
  WHERE r.type = 'Subscription' AND NOT r.deleted AND ($1::text[] IS NULL OR r.id = ANY ($1))
  ORDER BY r.id LIMIT $2`,
};
