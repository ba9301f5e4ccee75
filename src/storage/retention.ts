import { Retention } from '../maintenance/retention.js';
import type { Database, Sql } from './database.js';
import { DROP_LETTERS } from './sql/attempts.sql.js';
import { DROP_MESSAGES } from './sql/processed-messages.sql.js';
import { ATTEMPT_PARTITIONS, DROP_DEFAULT_ATTEMPTS, DROP_MATCH_BATCHES, DROP_TOKENS } from './sql/retention.sql.js';
import { DROP_EVENTS } from './sql/drop-events.sql.js';
import { DROP_RESENDS } from './sql/resends.sql.js';

/** Days of attempts for which a partition is kept ready. */
const DAYS_AHEAD = 3;

/** Events of a group that go at a time, and how often in one run. */
const EVENTS_AT_ONCE = 10_000;
const MOST_STEPS = 100;

export class PostgresRetention extends Retention {
  constructor(private readonly database: Database) {
    super();
  }

  dropMatchBatches(olderThanMinutes: number): Promise<number> {
    return this.database.run(DROP_MATCH_BATCHES, [olderThanMinutes]);
  }

  dropMessages(olderThanMinutes: number): Promise<number> {
    return this.database.run(DROP_MESSAGES, [olderThanMinutes]);
  }

  /** In steps, so that no group is locked for long. */
  async dropEvents(olderThanDays: number): Promise<number> {
    let dropped = 0;
    for (let step = 0; step < MOST_STEPS; step++) {
      const now = await this.database.run(DROP_EVENTS, [olderThanDays, EVENTS_AT_ONCE]);
      dropped += now;
      if (now === 0) break;
    }
    return dropped;
  }

  dropResends(olderThanDays: number): Promise<number> {
    return this.database.run(DROP_RESENDS, [olderThanDays]);
  }

  dropLetters(resolvedDays: number, unresolvedDays: number | undefined): Promise<number> {
    return this.database.run(DROP_LETTERS, [resolvedDays, unresolvedDays ?? null]);
  }

  dropTokens(): Promise<number> {
    return this.database.run(DROP_TOKENS);
  }

  /**
   * Makes the partitions of the days to come (never of today: rows of it may lie in the default one already) and drops old ones whole.
   * A lock of its own keeps two processes from doing it at once.
   */
  async dropAttempts(olderThanDays: number): Promise<number> {
    return this.database.transaction(async (tx) => {
      await tx.run({ text: `SELECT pg_advisory_xact_lock(hashtext('carillon.attempt-partitions'))` });
      const rows = await tx.rows<{ day: string; is_old: boolean; exists: boolean }>(ATTEMPT_PARTITIONS, [
        olderThanDays,
        DAYS_AHEAD,
      ]);
      for (const { day, is_old: isOld, exists } of rows) {
        if (isOld && exists) await tx.run(dropPartition(day));
        if (!isOld && !exists) await tx.run(createPartition(day));
      }
      const strays = await tx.run(DROP_DEFAULT_ATTEMPTS, [olderThanDays]);
      return rows.filter(({ is_old: isOld, exists }) => isOld && exists).length + strays;
    });
  }
}

/** `day` comes from the database, as `2026_11_23`. */
const createPartition = (day: string): Sql => {
  const date = day.replaceAll('_', '-');
  return {
    text: `CREATE TABLE attempt_${day} PARTITION OF attempt FOR VALUES FROM ('${date} 00:00Z') TO (timestamptz '${date} 00:00Z' + interval '1 day')`,
  };
};

const dropPartition = (day: string): Sql => ({ text: `DROP TABLE attempt_${day}` });
