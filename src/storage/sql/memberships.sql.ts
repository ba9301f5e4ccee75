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

/** Gives the subscriptions $1 (made through faces $2) their cursors, and one of 64 shards for life. */
export const MAKE_CURSORS: Sql = {
  name: 'make-cursors',
  text: `
  INSERT INTO subscription_cursor (subscription_id, shard, face)
  SELECT id, hashtextextended(id, 0) & 63, face FROM unnest($1::text[], $2::text[]) AS made (id, face)
  ON CONFLICT (subscription_id) DO UPDATE SET face = excluded.face WHERE subscription_cursor.face <> excluded.face`,
};

/** Deleted Subscriptions $1: whatever is owed to them is dropped at once. */
export const FORGET_SUBSCRIPTIONS: Sql = {
  name: 'forget-subscriptions',
  text: `
  WITH segments AS (DELETE FROM subscription_segment WHERE subscription_id = ANY ($1::text[])),
    letters AS (DELETE FROM dead_letter WHERE subscription_id = ANY ($1::text[]))
  DELETE FROM subscription_cursor WHERE subscription_id = ANY ($1::text[])`,
};

/** Subscriptions that take events, after id $1, with the fingerprint of their group. Walks the primary key of the segments. */
export const OPEN_MEMBERSHIPS: Sql = {
  name: 'open-memberships',
  text: `
  SELECT s.subscription_id, g.fingerprint
  FROM subscription_segment AS s JOIN filter_group AS g USING (group_id)
  WHERE s.subscription_id > $1 AND s.until_n IS NULL
  ORDER BY s.subscription_id
  LIMIT $2`,
};
