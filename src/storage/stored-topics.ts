import { type StoredTopic, StoredTopics } from '../topics/stored-topics.js';
import type { ChangeRow } from './change-row.js';
import type { Database } from './database.js';
import { CURRENT_RESOURCES } from './sql/current-resources.sql.js';
import { TOPIC_TEXTS, TOPIC_VERSIONS } from './sql/stored-topics.sql.js';

export class PostgresStoredTopics extends StoredTopics {
  constructor(private readonly database: Database) {
    super();
  }

  async versions(): Promise<{ id: string; version: number }[]> {
    return this.database.rows(TOPIC_VERSIONS);
  }

  async read(topics: readonly { id: string; version: number }[]): Promise<StoredTopic[]> {
    return this.database.rows(TOPIC_TEXTS, [topics.map(({ id }) => id), topics.map(({ version }) => version)]);
  }

  async newest(id: string): Promise<{ version: number; text: string | null } | undefined> {
    const [row] = await this.database.rows<ChangeRow>(CURRENT_RESOURCES, [['SubscriptionTopic'], [id]]);
    return row && { version: row.version, text: row.body };
  }
}
