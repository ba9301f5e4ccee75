import type { Sql } from '../database.js';

/** Segments of subscriptions in order, where the group of each open one stands, and what is no longer kept of it. */
export const STANDINGS: Sql = {
  name: 'standings',
  text: `
  SELECT s.subscription_id, s.group_id, s.after_n, s.until_n, s.first_number,
         CASE WHEN s.until_n IS NULL THEN g.last_n END AS last_n, g.gone_n
  FROM subscription_segment AS s
  LEFT JOIN filter_group AS g ON g.group_id = s.group_id
  WHERE s.subscription_id = ANY ($1::text[])
  ORDER BY s.subscription_id, s.ordinal`,
};
