import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { migrate, revertLastMigration, SchemaTooNew } from '../../src/storage/migrate.js';
import { readMigrationFiles } from '../../src/storage/migration-files.js';
import { emptyDatabase, type TestDatabase } from '../support/clone-database.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await emptyDatabase();
});
afterAll(() => database.drop());

test('processes that start together migrate once between them', async () => {
  const taken = await Promise.all([migrate(database.url), migrate(database.url), migrate(database.url)]);
  expect(taken.flat()).toEqual(readMigrationFiles().map((file) => file.name));
});

test('a second start has nothing to do', async () => {
  expect(await migrate(database.url)).toEqual([]);
});

test('every step can be undone and taken again, and leaves nothing behind', async () => {
  const files = readMigrationFiles();
  const before = await schemaOf(database);
  for (let step = 0; step < files.length; step++) await revertLastMigration(database.url);
  expect(await schemaOf(database)).toEqual([]);
  expect(await migrate(database.url)).toEqual(files.map((file) => file.name));
  expect(await schemaOf(database)).toEqual(before);
});

test('cursors of this release and of the one before serve both, and are whole again on the way back', async () => {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    await client.query(`INSERT INTO subscription_cursor (subscription_id, shard) VALUES ('this', 0), ('lost', 0)`);
    await client.query(`
      INSERT INTO resource_version (epoch, type, id, version, interaction, method, face, at, body)
      VALUES (0, 'Subscription', 'this', 1, 'create', 'PUT', 'r4', now(), '{}'), (0, 'Subscription', 'this', 2, 'update', 'PUT', 'r4', now(), '{}')`);
    await client.query(`
      INSERT INTO subscription_cursor (subscription_id, shard, face) VALUES ('this', 0, 'r4'), ('before', 0, 'r4b')
      ON CONFLICT (subscription_id) DO UPDATE SET face = excluded.face WHERE subscription_cursor.face <> excluded.face`);
    const facesWritten = 14;
    for (let steps = readMigrationFiles().length; steps > facesWritten; steps--) await revertLastMigration(database.url);
    const { rows } = await client.query(`SELECT subscription_id AS id, face FROM subscription_cursor ORDER BY id`);
    expect(rows).toEqual([
      { id: 'before', face: 'r4b' },
      { id: 'lost', face: 'r4b' },
      { id: 'this', face: 'r4' },
    ]);
    await client.query('DELETE FROM subscription_cursor');
    await migrate(database.url);
  } finally {
    await client.end();
  }
});

test('a step that fails leaves the schema as it was and says which statement it was', async () => {
  const other = await emptyDatabase();
  const files = [{ number: 1, name: 'broken-0000000000001', up: 'CREATE TABLE half (a int); SELECT nonsense', down: '' }];
  await expect(migrate(other.url, files)).rejects.toThrow(/nonsense/);
  expect(await schemaOf(other)).toEqual([]);
  await other.drop();
});

test('a database of a newer hub is refused rather than guessed at', async () => {
  await expect(migrate(database.url, readMigrationFiles().slice(0, -1))).rejects.toThrow(SchemaTooNew);
});

async function schemaOf(of: TestDatabase): Promise<string[]> {
  const client = new pg.Client({ connectionString: of.url });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      `SELECT format('%s %s', c.relkind, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = 'public' AND c.relname !~ '^(migration|PK_)' ORDER BY 1`,
    );
    return rows.map((row) => row.name);
  } finally {
    await client.end();
  }
}
