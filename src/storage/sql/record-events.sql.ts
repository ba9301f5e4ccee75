import type { Sql } from '../database.js';

/**
 * Numbers and writes the events of a batch. Groups: fingerprints $1 with how many events each gets, $2. Events: fingerprint $3, its
 * place among those of its group in this batch $4 (from 1), position $5, $6, $7, and $9 when it happened, where its
 * version does not say so. Then the batch itself, for those who follow, with
 * the subscriptions $8 that changed. One round trip whatever the number. The counters' rows keep their place (HOT: last_n is not
 * indexed, half of each page is free). Events of groups that nobody ever joined find no counter and leave no row.
 *
 * Several processes write batches at once, and followers ask for all above a number: so numbers must come into sight in order. Each batch
 * takes its number under a lock that it keeps until it is committed, and takes the lock last, when all else is written.
 */
export const RECORD_EVENTS: Sql = {
  name: 'record-events',
  text: `
  WITH counted AS (
    UPDATE filter_group AS g
    SET last_n = g.last_n + more.events
    FROM unnest($1::bytea[], $2::bigint[]) AS more (fingerprint, events)
    WHERE g.fingerprint = more.fingerprint
    RETURNING g.group_id, g.fingerprint, g.last_n - more.events AS before
  ), recorded AS (
    INSERT INTO group_event (group_id, n, epoch, xid, seq, happened_at)
    SELECT c.group_id, c.before + e.place, e.epoch, e.xid, e.seq, e.happened_at
    FROM unnest($3::bytea[], $4::bigint[], $5::integer[], $6::xid8[], $7::bigint[], $9::timestamptz[])
      AS e (fingerprint, place, epoch, xid, seq, happened_at)
    JOIN counted AS c ON c.fingerprint = e.fingerprint
    RETURNING 1
  ), in_order AS MATERIALIZED (
    SELECT pg_advisory_xact_lock(hashtext('carillon.match-batch')) WHERE (SELECT count(*) FROM recorded) >= 0
  )
  INSERT INTO match_batch (group_ids, subscription_ids)
  SELECT coalesce((SELECT array_agg(group_id) FROM counted), '{}'), $8::text[] FROM in_order`,
};
