import type { Sql } from '../database.js';

/** Whose turn it is of each pushed subscription of shards $1. Follows resend_open, which holds only what is not through. */
export const WAITING_RESENDS: Sql = {
  name: 'waiting-resends',
  text: `
  SELECT DISTINCT ON (r.subscription_id)
    r.resend_id AS id, r.subscription_id, r.next_number, r.last_number, r.failed_only, r.rate
  FROM resend AS r JOIN subscription_cursor AS c USING (subscription_id)
  WHERE r.state = 'open' AND NOT r.to_sockets AND c.shard = ANY ($1::smallint[])
  ORDER BY r.subscription_id, r.kind = 'replay', r.resend_id`,
};

/** What was asked in the last half minute for subscriptions $1 whose sockets are held in several processes. */
export const RECENT_RESENDS: Sql = {
  name: 'recent-resends',
  text: `
  SELECT resend_id AS id, subscription_id, next_number, last_number, failed_only, rate
  FROM resend
  WHERE subscription_id = ANY ($1::text[]) AND to_sockets AND asked_at > now() - interval '30 seconds'
  ORDER BY resend_id`,
};

/** By the primary key of the letters. */
export const NEXT_FAILED: Sql = {
  name: 'next-failed',
  text: `
  SELECT number FROM dead_letter
  WHERE subscription_id = $1 AND number BETWEEN $2 AND $3 AND resolved_at IS NULL
  ORDER BY number LIMIT 1`,
};

/**
 * Request $1 of subscription $2 has come to $3 (the next number), past $4 events sent, $5 refused and $6 no longer there, for the
 * reason $8. Events set aside from $7 to before $3 hear of it in the same statement, so that a crash leaves neither without the other;
 * they hear of it even if the request was cancelled meanwhile, as the event has been sent.
 */
export const PASS_RESEND: Sql = {
  name: 'pass-resend',
  text: `
  WITH letters AS (
    UPDATE dead_letter
    SET sent_again = sent_again + 1,
        resolved_at = CASE WHEN $5::bigint = 0 THEN coalesce(resolved_at, now()) ELSE resolved_at END,
        refused_at = CASE WHEN $5::bigint = 0 THEN refused_at ELSE now() END,
        reason = CASE WHEN $5::bigint = 0 OR resolved_at IS NOT NULL THEN reason ELSE $8 END
    WHERE subscription_id = $2 AND number >= $7 AND number < $3
  )
  UPDATE resend
  SET next_number = $3,
      sent_count = sent_count + $4,
      refused_count = refused_count + $5,
      gone_count = gone_count + $6,
      state = CASE WHEN last_number < $3 THEN 'done' ELSE state END,
      finished_at = CASE WHEN last_number < $3 THEN now() END
  WHERE resend_id = $1 AND state = 'open' AND next_number < $3
  RETURNING state`,
};

export const GIVE_UP_RESEND: Sql = {
  name: 'give-up-resend',
  text: `UPDATE resend SET state = 'cancelled', reason = $2, finished_at = now() WHERE resend_id = $1 AND state = 'open'`,
};

/** Those of sockets are read within half a minute or never; the others are kept $1 days for those who ask what became of them. */
export const DROP_RESENDS: Sql = {
  name: 'drop-resends',
  text: `
  DELETE FROM resend
  WHERE (to_sockets AND asked_at < now() - interval '1 hour') OR finished_at < now() - $1::integer * interval '1 day'`,
};
