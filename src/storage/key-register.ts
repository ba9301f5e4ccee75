import { KeyRegister } from '../secrets/key-register.js';
import type { Database } from './database.js';
import { ENTER_SECRET_KEY, LOCK_SECRET_KEYS, SECRET_KEYS } from './sql/secret-keys.sql.js';

interface KeyRow {
  key_id: string;
}

export class PostgresKeyRegister extends KeyRegister {
  constructor(private readonly database: Database) {
    super();
  }

  async ids(): Promise<string[]> {
    return (await this.database.rows<KeyRow>(SECRET_KEYS)).map(({ key_id }) => key_id);
  }

  enter(id: string, own: ReadonlySet<string>): Promise<boolean> {
    return this.database.transaction(async (tx) => {
      await tx.run(LOCK_SECRET_KEYS);
      const known = await tx.rows<KeyRow>(SECRET_KEYS);
      if (known.some(({ key_id }) => !own.has(key_id))) return false;
      await tx.run(ENTER_SECRET_KEY, [id]);
      return true;
    });
  }

  isMissing(error: unknown): boolean {
    return isForeignKeyOfSealed(error);
  }
}

/** PostgreSQL's `foreign_key_violation`, either way: the key of a version is not there, or versions of a key still are. */
export function isForeignKeyOfSealed(error: unknown): boolean {
  const { code, constraint } = (error ?? {}) as { code?: unknown; constraint?: unknown };
  return code === '23503' && constraint === 'sealed_version_key_id_fkey';
}
