import type { Face } from '../fhir/change.js';
import { type StoredSubscription, StoredSubscriptions } from '../subscriptions/stored-subscriptions.js';
import type { Database } from './database.js';
import { CURRENT_RESOURCES } from './sql/current-resources.sql.js';

export class PostgresStoredSubscriptions extends StoredSubscriptions {
  constructor(private readonly database: Database) {
    super();
  }

  async current(id: string): Promise<StoredSubscription | undefined> {
    const [row] = await this.database.rows<{ version: number; face: Face; body: string | null }>(CURRENT_RESOURCES, [
      ['Subscription'],
      [id],
    ]);
    return row === undefined || row.body === null ? undefined : { text: row.body, version: row.version, face: row.face };
  }
}
