import { type SealAgain, StoredSecrets, type StoredText } from '../secrets/stored-secrets.js';
import type { Database, Queryable } from './database.js';
import { isForeignKeyOfSealed } from './key-register.js';
import { FORGET_PLAIN, OTHERWISE_SEALED, PLAIN_VERSIONS, REPLACE_SEALED } from './sql/sealed-versions.sql.js';
import { ENTER_SECRET_KEY, KEEP_ONLY_SECRET_KEY } from './sql/secret-keys.sql.js';

export class PostgresStoredSecrets extends StoredSecrets {
  constructor(private readonly database: Database) {
    super();
  }

  sealPlain(limit: number, seal: SealAgain): Promise<number> {
    return this.database.transaction(async (tx) => {
      const found = await tx.rows<StoredText>(PLAIN_VERSIONS, [limit]);
      await replace(tx, found, seal);
      await tx.run(FORGET_PLAIN, namesOf(found));
      return found.length;
    });
  }

  sealAgain(keyId: string, limit: number, seal: SealAgain): Promise<number> {
    return this.database.transaction(async (tx) => {
      const found = await tx.rows<StoredText>(OTHERWISE_SEALED, [keyId, limit]);
      await replace(tx, found, seal);
      return found.length;
    });
  }

  async keepOnly(keyId: string): Promise<boolean> {
    try {
      await this.database.run(KEEP_ONLY_SECRET_KEY, [keyId]);
      return true;
    } catch (error) {
      if (isForeignKeyOfSealed(error)) return false;
      throw error;
    }
  }
}

async function replace(tx: Queryable, found: readonly StoredText[], seal: SealAgain): Promise<void> {
  const sealed = found.flatMap((stored) => {
    const again = seal(stored);
    return again === undefined ? [] : [{ ...stored, ...again }];
  });
  if (sealed.length === 0) return;
  for (const keyId of new Set(sealed.map((again) => again.keyId))) await tx.run(ENTER_SECRET_KEY, [keyId]);
  await tx.run(REPLACE_SEALED, [...namesOf(sealed), sealed.map(({ text }) => text), sealed.map(({ keyId }) => keyId)]);
}

function namesOf(versions: readonly StoredText[]) {
  return [versions.map(({ type }) => type), versions.map(({ id }) => id), versions.map(({ version }) => version)];
}
