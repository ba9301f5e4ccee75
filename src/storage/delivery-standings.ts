import { type DeliveryStanding, DeliveryStandings } from '../subscriptions/delivery-standings.js';
import type { Database } from './database.js';
import { DELIVERY_STANDINGS } from './sql/delivery-standings.sql.js';

interface StandingRow {
  subscription_id: string;
  acknowledged: bigint;
  failures: number;
  next_attempt: Date | null;
  last_sent_at: Date | null;
  last_error: string | null;
}

export class PostgresDeliveryStandings extends DeliveryStandings {
  constructor(private readonly database: Database) {
    super();
  }

  async of(subscriptionIds: readonly string[]): Promise<DeliveryStanding[]> {
    const rows = await this.database.rows<StandingRow>(DELIVERY_STANDINGS, [subscriptionIds]);
    return rows.map((row) => ({
      subscriptionId: row.subscription_id,
      acknowledged: Number(row.acknowledged),
      failures: row.failures,
      nextAttempt: row.next_attempt ?? undefined,
      lastSent: row.last_sent_at ?? undefined,
      lastError: row.last_error ?? undefined,
    }));
  }
}
