import type { Sql } from '../database.js';

export const SECRET_KEYS: Sql = { text: 'SELECT key_id FROM secret_key ORDER BY entered_at, key_id' };

/** Whoever enters a key has seen all others; what is being stored goes on meanwhile. */
export const LOCK_SECRET_KEYS: Sql = { text: 'LOCK TABLE secret_key IN SHARE ROW EXCLUSIVE MODE' };

export const ENTER_SECRET_KEY: Sql = { text: 'INSERT INTO secret_key (key_id) VALUES ($1) ON CONFLICT DO NOTHING' };

/** Fails where a version is sealed under one of them. Waits for those who are storing one. */
export const KEEP_ONLY_SECRET_KEY: Sql = { text: 'DELETE FROM secret_key WHERE key_id <> $1' };
