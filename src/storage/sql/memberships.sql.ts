import type { Sql } from '../database.js';

/** Makes groups that are joined for the first time: fingerprints $1, definitions $2. */
export const MAKE_GROUPS: Sql = {
  name: 'make-groups',
  text: `
  INSERT INTO filter_group (fingerprint, definition)
  SELECT * FROM unnest($1::bytea[], $2::text[])
  ON CONFLICT (fingerprint) DO NOTHING`,
};

/** Groups with fingerprints $1, or that are the open group of subscriptions $2, with their counters. */
export const GROUPS_CONCERNED: Sql = {
  name: 'groups-concerned',
  text: `
  SELECT group_id, fingerprint, last_n FROM filter_group WHERE fingerprint = ANY ($1::bytea[])
  UNION
  SELECT g.group_id, g.fingerprint, g.last_n
  FROM subscription_segment AS s JOIN filter_group AS g USING (group_id)
  WHERE s.subscription_id = ANY ($2::text[]) AND s.until_n IS NULL`,
};

/** The last segment of each of the subscriptions $1: numbers go on from there. */
export const LAST_SEGMENTS: Sql = {
  name: 'last-segments',
  text: `
  SELECT DISTINCT ON (subscription_id) subscription_id, ordinal, group_id, after_n, until_n, first_number
  FROM subscription_segment
  WHERE subscription_id = ANY ($1::text[])
  ORDER BY subscription_id, ordinal DESC`,
};

/** Writes segments: subscriptions $1, ordinals $2, groups $3, bounds $4 and $5, first numbers $6. */
export const SAVE_SEGMENTS: Sql = {
  name: 'save-segments',
  text: `
  INSERT INTO subscription_segment (subscription_id, ordinal, group_id, after_n, until_n, first_number)
  SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
  ON CONFLICT (subscription_id, ordinal) DO UPDATE SET until_n = excluded.until_n`,
};

/** Gives the subscriptions $1 their cursors, where they have none yet, and one of 64 shards for life. */
export const MAKE_CURSORS: Sql = {
  name: 'make-cursors',
  text: `
  INSERT INTO subscription_cursor (subscription_id, shard)
  SELECT id, hashtextextended(id, 0) & 63 FROM unnest($1::text[]) AS id
  ON CONFLICT (subscription_id) DO NOTHING`,
};

/** Deleted Subscriptions $1: whatever is owed to them is dropped at once. */
export const FORGET_SUBSCRIPTIONS: Sql = {
  name: 'forget-subscriptions',
  text: `
  WITH segments AS (DELETE FROM subscription_segment WHERE subscription_id = ANY ($1::text[])),
    letters AS (DELETE FROM dead_letter WHERE subscription_id = ANY ($1::text[]))
  DELETE FROM subscription_cursor WHERE subscription_id = ANY ($1::text[])`,
};

/**
 * Groups of partitions $1 that subscriptions take events of, after id $2, at most $3. Walks the primary key; the members of each are counted
 * in the index of open segments.
 */
export const STANDING_GROUPS: Sql = {
  name: 'standing-groups',
  text: `
  SELECT g.group_id, encode(g.fingerprint, 'hex') AS fingerprint, g.definition, s.subscribers
  FROM filter_group AS g
  CROSS JOIN LATERAL (
    SELECT count(*)::integer AS subscribers FROM subscription_segment WHERE group_id = g.group_id AND until_n IS NULL
  ) AS s
  WHERE g.group_id > $2 AND (get_byte(g.fingerprint, 0) & 7) = ANY ($1::integer[]) AND s.subscribers > 0
  ORDER BY g.group_id
  LIMIT $3`,
};

/** Of the subscriptions $1 those that have segments: the group of the newest one, and whether it is open. */
export const KNOWN_MEMBERS: Sql = {
  name: 'known-members',
  text: `
  SELECT DISTINCT ON (s.subscription_id) s.subscription_id, encode(g.fingerprint, 'hex') AS fingerprint, s.until_n IS NULL AS open
  FROM subscription_segment AS s JOIN filter_group AS g USING (group_id)
  WHERE s.subscription_id = ANY ($1::text[])
  ORDER BY s.subscription_id, s.ordinal DESC`,
};
