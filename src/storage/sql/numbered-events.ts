/**
 * The part of a statement that numbers and writes the events of a batch, as CTEs, where condition `when` holds. From parameter `first` on:
 * groups, as fingerprints and how many events each gets; events, as fingerprint, place among those of its group in this batch (from
 * 1), the position in three arrays, and when each happened where its version does not say so; the subscriptions that changed; and whether anybody has
 * to hear of the batch.
 *
 * The counters' rows keep their place (HOT: last_n is not indexed, half of each page is free). Events of groups that nobody ever joined
 * find no counter and leave no row. Several processes write batches at once, and followers ask for all above a number: so numbers
 * must come into sight in order. Each batch takes its number under a lock that it keeps until it is committed, and takes the lock last,
 * when all else is written.
 */
export function numberedEvents(first: number, when: string): string {
  const [groups, counts, fingerprints, places, epochs, xids, seqs, times, subscriptions, heard] = Array.from(
    { length: 10 },
    (_, index) => `$${String(first + index)}`,
  ) as [string, string, string, string, string, string, string, string, string, string];
  return `
  counted AS (
    UPDATE filter_group AS g
    SET last_n = g.last_n + more.events
    FROM unnest(${groups}::bytea[], ${counts}::bigint[]) AS more (fingerprint, events)
    WHERE g.fingerprint = more.fingerprint AND ${when}
    RETURNING g.group_id, g.fingerprint, g.last_n - more.events AS before
  ), recorded AS (
    INSERT INTO group_event (group_id, n, epoch, xid, seq, happened_at)
    SELECT c.group_id, c.before + e.place, e.epoch, e.xid, e.seq, e.happened_at
    FROM unnest(
      ${fingerprints}::bytea[], ${places}::bigint[], ${epochs}::integer[], ${xids}::xid8[], ${seqs}::bigint[], ${times}::timestamptz[]
    ) AS e (fingerprint, place, epoch, xid, seq, happened_at)
    JOIN counted AS c ON c.fingerprint = e.fingerprint
    RETURNING 1
  ), in_order AS MATERIALIZED (
    SELECT pg_advisory_xact_lock(hashtext('carillon.match-batch'))
    WHERE ${heard}::boolean AND (SELECT count(*) FROM recorded) >= 0 AND ${when}
  ), announced AS (
    INSERT INTO match_batch (group_ids, subscription_ids)
    SELECT coalesce((SELECT array_agg(group_id) FROM counted), '{}'), ${subscriptions}::text[] FROM in_order
  )`;
}
