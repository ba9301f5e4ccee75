import type { Sql } from '../database.js';
import { MOVED_PARTITIONS } from './moved-partitions.js';
import { numberedEvents } from './numbered-events.js';
import { RELAXED_COMMIT } from './relaxed-commit.js';

/**
 * A batch that changes no memberships, in one statement and so in one round trip: moves the partitions and writes the events ($10 and on).
 * Where they cannot be moved nothing is written, and `moved` is 0.
 */
export const COMMIT_BATCH: Sql = {
  name: 'commit-batch',
  text: `
  WITH ${MOVED_PARTITIONS}, ${numberedEvents(10, '(SELECT count(*) FROM moved) > 0')}
  SELECT count(*)::integer AS moved FROM moved WHERE ${RELAXED_COMMIT}`,
};
