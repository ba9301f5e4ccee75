import type { Sql } from '../database.js';

/** Cursors by primary key. */
export const DELIVERY_STANDINGS: Sql = {
  name: 'delivery-standings',
  text: `
  SELECT subscription_id, acknowledged, failures, next_attempt, last_sent_at, last_error
  FROM subscription_cursor WHERE subscription_id = ANY ($1::text[])`,
};
