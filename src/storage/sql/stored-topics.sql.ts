import type { Sql } from '../database.js';

/** Ids and versions of all topics: the primary key of `resource` holds them side by side. */
export const TOPIC_VERSIONS: Sql = {
  name: 'topic-versions',
  text: `SELECT id, version FROM resource WHERE type = 'SubscriptionTopic' AND NOT deleted`,
};

/** The texts of topics $1 in versions $2, by primary key. */
export const TOPIC_TEXTS: Sql = {
  name: 'topic-texts',
  text: `
  SELECT v.id, v.version, v.body AS text
  FROM unnest($1::text[], $2::integer[]) AS asked (id, version)
  JOIN resource_version AS v ON v.type = 'SubscriptionTopic' AND v.id = asked.id AND v.version = asked.version
  WHERE v.body IS NOT NULL`,
};

/**
 * The sum of all topics' versions, deletes included, which grows with every write of one: whoever keeps something of topics sees by it
 * whether that still holds. The primary key has them side by side.
 */
export const TOPICS_WRITTEN: Sql = {
  name: 'topics-written',
  text: `SELECT coalesce(sum(version), 0)::bigint AS written FROM resource WHERE type = 'SubscriptionTopic'`,
};
