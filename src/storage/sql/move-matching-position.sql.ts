import type { Sql } from '../database.js';
import { MOVED_PARTITIONS } from './moved-partitions.js';

/** First statement of a batch that changes memberships. No row: another process matches some of the partitions now, or it was committed before. */
export const MOVE_MATCHING_POSITION: Sql = {
  name: 'move-matching-position',
  text: `WITH ${MOVED_PARTITIONS} SELECT partition FROM moved`,
};
