import type { Sql } from '../database.js';

export const ISSUE_WEBSOCKET_TOKEN: Sql = {
  name: 'issue-websocket-token',
  text: `
  INSERT INTO websocket_token (token_hash, subscription_ids, expires)
  VALUES ($1, $2, now() + $3::integer * interval '1 second')
  RETURNING expires`,
};

/** Taking a token uses it up, whether it is still good or not: of two who present it, one gets it. */
export const REDEEM_WEBSOCKET_TOKEN: Sql = {
  name: 'redeem-websocket-token',
  text: `
  WITH used AS (DELETE FROM websocket_token WHERE token_hash = $1 RETURNING subscription_ids, expires)
  SELECT subscription_ids FROM used WHERE expires > now()`,
};
