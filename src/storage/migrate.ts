import pg from 'pg';
import type { DataSource, MigrationInterface, QueryRunner } from 'typeorm';
import { type MigrationFile, readMigrationFiles } from './migration-files.js';

const TABLE = 'migration';
/** Any number that nobody else locks: "carillon" in letters' places. */
const LOCK = 3_118_991_215n;

export class SchemaTooNew extends Error {
  override readonly name = 'SchemaTooNew';
}

/**
 * Brings the schema up to date and returns the names of the steps taken. Processes that start together take turns, so each step runs
 * once. Where nothing is to be done TypeORM is not even loaded (0.1 s of a start).
 * @throws SchemaTooNew when the database knows steps that this hub does not
 */
export async function migrate(url: string, files: readonly MigrationFile[] = readMigrationFiles()): Promise<string[]> {
  return locked(url, async (client) => {
    const done = await stepsDone(client);
    const known = new Set(files.map((file) => file.name));
    const unknown = done.find((name) => !known.has(name));
    if (unknown !== undefined)
      throw new SchemaTooNew(`The database was made by a newer Carillon (it has ${unknown}): start that one.`);
    if (done.length === files.length) return [];
    return withTypeOrm(url, files, async (source) => {
      const taken = await source.runMigrations({ transaction: 'each' });
      return taken.map((migration) => migration.name);
    });
  });
}

/** Undoes the last step; for tests and for an operator who goes back a version. */
export async function revertLastMigration(url: string, files: readonly MigrationFile[] = readMigrationFiles()): Promise<void> {
  await locked(url, () => withTypeOrm(url, files, (source) => source.undoLastMigration({ transaction: 'each' })));
}

async function locked<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, application_name: 'carillon migration' });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
    return await work(client);
  } finally {
    await client.end(); // which also gives the lock back
  }
}

async function stepsDone(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ exists: boolean }>(`SELECT to_regclass('public.${TABLE}') IS NOT NULL AS exists`);
  if (!rows[0]!.exists) return [];
  return (await client.query<{ name: string }>(`SELECT name FROM ${TABLE} ORDER BY id`)).rows.map((row) => row.name);
}

async function withTypeOrm<T>(
  url: string,
  files: readonly MigrationFile[],
  work: (source: DataSource) => Promise<T>,
): Promise<T> {
  const { DataSource } = await import('typeorm');
  const source = new DataSource({
    type: 'postgres',
    url,
    poolSize: 2,
    synchronize: false,
    migrationsTableName: TABLE,
    migrations: files.map(migrationClass),
    // A failed step is thrown, and told by whoever asked for it.
    logger: { logQuery() {}, logQueryError() {}, logQuerySlow() {}, logSchemaBuild() {}, logMigration() {}, log() {} },
  });
  await source.initialize();
  try {
    return await work(source);
  } finally {
    await source.destroy();
  }
}

function migrationClass(file: MigrationFile): new () => MigrationInterface {
  return class implements MigrationInterface {
    readonly name = file.name;
    async up(runner: QueryRunner): Promise<void> {
      await runner.query(file.up);
    }
    async down(runner: QueryRunner): Promise<void> {
      await runner.query(file.down);
    }
  };
}
