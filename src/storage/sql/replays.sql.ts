import type { Sql } from '../database.js';

const COLUMNS = `
  resend_id, kind, state, reason, coalesce(first_number, next_number) AS first_number, last_number, next_number, failed_only, rate,
  asked_count, sent_count, refused_count, gone_count, asked_at, finished_at`;

/**
 * Takes a request of kind $4 for subscription $1 from number $2 to $3, unless $9 of it are waiting or it has no cursor yet. Requests of
 * sockets ($7) wait for half a minute. Two that come at the same moment may both pass: the bound is one of decency.
 */
export const ASK_RESEND: Sql = {
  name: 'ask-resend',
  text: `
  INSERT INTO resend (subscription_id, first_number, next_number, last_number, kind, failed_only, rate, to_sockets, asked_count)
  SELECT c.subscription_id, $2, $2, $3, $4, $5, $6, $7, $8 FROM subscription_cursor AS c
  WHERE c.subscription_id = $1
    AND (SELECT count(*) FROM resend AS r
         WHERE r.subscription_id = $1 AND r.state = 'open'
           AND (NOT r.to_sockets OR r.asked_at > now() - interval '30 seconds')) < $9
  RETURNING ${COLUMNS}`,
};

export const FIND_REPLAY: Sql = {
  name: 'find-replay',
  text: `SELECT ${COLUMNS} FROM resend WHERE subscription_id = $1 AND resend_id = $2 AND NOT to_sockets`,
};

/** Follows resend_subscription. */
export const LIST_REPLAYS: Sql = {
  name: 'list-replays',
  text: `SELECT ${COLUMNS} FROM resend WHERE subscription_id = $1 AND NOT to_sockets ORDER BY resend_id DESC LIMIT $2`,
};

export const CANCEL_REPLAY: Sql = {
  name: 'cancel-replay',
  text: `
  UPDATE resend SET state = 'cancelled', reason = $3, finished_at = now()
  WHERE subscription_id = $1 AND resend_id = $2 AND state = 'open' AND NOT to_sockets`,
};

/** By the primary key of the letters. */
export const FAILED_BETWEEN: Sql = {
  name: 'failed-between',
  text: `
  SELECT count(*) AS count, min(number) AS first, max(number) AS last FROM dead_letter
  WHERE subscription_id = $1 AND number BETWEEN $2 AND $3 AND resolved_at IS NULL`,
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
