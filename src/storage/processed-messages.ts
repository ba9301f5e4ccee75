import type { ProcessedMessage } from '../intake/change-store.js';
import { ProcessedMessages } from '../intake/messages/processed-messages.js';
import type { Database } from './database.js';
import { KNOWN_MESSAGES } from './sql/processed-messages.sql.js';

export class PostgresProcessedMessages extends ProcessedMessages {
  constructor(private readonly database: Database) {
    super();
  }

  async known(source: string, messageId: string, envelopeId: string): Promise<ProcessedMessage[]> {
    const rows = await this.database.rows<{ message_id: string; envelope_id: string; response: string }>(KNOWN_MESSAGES, [
      source,
      messageId,
      envelopeId,
    ]);
    return rows.map((row) => ({ source, messageId: row.message_id, envelopeId: row.envelope_id, response: row.response }));
  }
}
