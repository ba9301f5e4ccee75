import { type ListedSubscription, SubscriptionDirectory } from '../subscriptions/subscription-directory.js';
import { type ChangeRow, changeOf } from './change-row.js';
import type { Database } from './database.js';
import { LIST_SUBSCRIPTIONS } from './sql/list-subscriptions.sql.js';

export class PostgresSubscriptionDirectory extends SubscriptionDirectory {
  constructor(private readonly database: Database) {
    super();
  }

  async list(ids: readonly string[] | undefined, limit: number): Promise<ListedSubscription[]> {
    const rows = await this.database.rows<ChangeRow & { last_error: string | null }>(LIST_SUBSCRIPTIONS, [ids ?? null, limit]);
    return rows.map((row) => ({ resource: changeOf(row), lastError: row.last_error ?? undefined }));
  }
}
