import type { Sql } from '../database.js';
import { numberedEvents } from './numbered-events.js';

/** The events of a batch whose partitions have been moved and whose memberships have been written by the same transaction before. */
export const RECORD_EVENTS: Sql = {
  name: 'record-events',
  text: `WITH ${numberedEvents(1, 'true')} SELECT count(*) FROM counted`,
};
