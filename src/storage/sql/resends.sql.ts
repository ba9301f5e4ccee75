import type { Sql } from '../database.js';

/** Takes a request for subscription $1 from number $2 to $3, unless $4 of it are waiting or it has no cursor yet. */
export const ASK_RESEND: Sql = {
  name: 'ask-resend',
  text: `
  INSERT INTO resend (subscription_id, next_number, last_number)
  SELECT c.subscription_id, $2, $3 FROM subscription_cursor AS c
  WHERE c.subscription_id = $1
    AND (SELECT count(*) FROM resend AS r
         WHERE r.subscription_id = $1 AND (c.pushed OR r.asked_at > now() - interval '30 seconds')) < $4
  RETURNING resend_id AS id, subscription_id, next_number, last_number`,
};

/** The oldest request of each pushed subscription of shards $1. The table is small: it holds only what is not through. */
export const WAITING_RESENDS: Sql = {
  name: 'waiting-resends',
  text: `
  SELECT DISTINCT ON (r.subscription_id) r.resend_id AS id, r.subscription_id, r.next_number, r.last_number
  FROM resend AS r JOIN subscription_cursor AS c USING (subscription_id)
  WHERE c.pushed AND c.shard = ANY ($1::smallint[])
  ORDER BY r.subscription_id, r.resend_id`,
};

/** What was asked in the last half minute for subscriptions $1 whose sockets are held in several processes. */
export const RECENT_RESENDS: Sql = {
  name: 'recent-resends',
  text: `
  SELECT resend_id AS id, subscription_id, next_number, last_number
  FROM resend
  WHERE subscription_id = ANY ($1::text[]) AND asked_at > now() - interval '30 seconds'
  ORDER BY resend_id`,
};

export const ADVANCE_RESEND: Sql = {
  name: 'advance-resend',
  text: `UPDATE resend SET next_number = greatest(next_number, $2) WHERE resend_id = $1 AND last_number >= $2`,
};

export const END_RESEND: Sql = {
  name: 'end-resend',
  text: `DELETE FROM resend WHERE resend_id = $1 AND last_number < $2`,
};

/** Those of sockets have been read by everybody; nobody works them off. */
export const DROP_RESENDS: Sql = {
  name: 'drop-resends',
  text: `
  DELETE FROM resend AS r USING subscription_cursor AS c
  WHERE c.subscription_id = r.subscription_id AND NOT c.pushed AND r.asked_at < now() - interval '1 hour'`,
};

/**
 * First and last number of the events of subscription $1 whose change was made in [$2, $3]. Walks the primary key of the events and looks
 * each change up by its position: some hundred thousand events a second, for a request that is rare.
 */
export const NUMBERS_BETWEEN: Sql = {
  name: 'numbers-between',
  text: `
  SELECT min(s.first_number + (e.n - s.after_n - 1)) AS first, max(s.first_number + (e.n - s.after_n - 1)) AS last
  FROM subscription_segment AS s
  JOIN group_event AS e ON e.group_id = s.group_id AND e.n > s.after_n AND (s.until_n IS NULL OR e.n <= s.until_n)
  JOIN resource_version AS v ON v.epoch = e.epoch AND v.xid = e.xid AND v.seq = e.seq
  WHERE s.subscription_id = $1 AND v.at >= coalesce($2::timestamptz, '-infinity') AND v.at <= coalesce($3::timestamptz, 'infinity')`,
};
