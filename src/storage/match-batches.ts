import { type MatchBatch, MatchBatches } from '../subscriptions/match-batches.js';
import type { Database } from './database.js';
import { MATCH_BATCHES_AFTER, NEWEST_MATCH_BATCH } from './sql/match-batches.sql.js';

export class PostgresMatchBatches extends MatchBatches {
  constructor(private readonly database: Database) {
    super();
  }

  async newest(): Promise<number> {
    const [row] = await this.database.rows<{ batch: bigint }>(NEWEST_MATCH_BATCH);
    return Number(row?.batch ?? 0n);
  }

  async after(batch: number, limit: number): Promise<MatchBatch[]> {
    const rows = await this.database.rows<{ batch: bigint; group_ids: bigint[]; subscription_ids: string[] }>(
      MATCH_BATCHES_AFTER,
      [batch, limit],
    );
    return rows.map((row) => ({
      batch: Number(row.batch),
      groupIds: row.group_ids.map(Number),
      subscriptionIds: row.subscription_ids,
    }));
  }
}
