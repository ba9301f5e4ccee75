import type { Change } from '../../src/fhir/change.js';
import type { Database } from '../../src/storage/database.js';

/** Puts changes into the log at the places they bear, and makes the newest versions current. */
export async function insertChanges(database: Database, changes: readonly Change[]): Promise<void> {
  for (const { position, type, id, version, interaction, method, face, at, body, event } of changes) {
    await database.run(
      {
        text: `
        INSERT INTO resource_version (epoch, xid, seq, type, id, version, interaction, method, face, at, body, event) OVERRIDING SYSTEM VALUE
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
      },
      [
        position.epoch,
        position.xid,
        position.seq,
        type,
        id,
        version,
        interaction,
        method,
        face,
        at,
        body,
        event ? JSON.stringify(event) : null,
      ],
    );
    await database.run(
      {
        text: `
        INSERT INTO resource (type, id, version, deleted, last_updated) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (type, id) DO UPDATE SET version = excluded.version, deleted = excluded.deleted, last_updated = excluded.last_updated`,
      },
      [type, id, version, body === null, at],
    );
  }
}
