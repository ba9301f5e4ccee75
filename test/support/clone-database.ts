import { randomBytes } from 'node:crypto';
import pg from 'pg';

export interface TestDatabase {
  /** Connection string, for `new Database(url, …)` or `DATABASE_URL`. */
  url: string;
  name: string;
  /** Ends its connections and drops it. */
  drop(): Promise<void>;
}

/** A migrated, empty database of its own, in some 50 ms. One for each test file, so that files run side by side. */
export function cloneDatabase(): Promise<TestDatabase> {
  return createDatabase('TEMPLATE template');
}

/** A database without any schema. */
export function emptyDatabase(): Promise<TestDatabase> {
  return createDatabase('');
}

async function createDatabase(clause: string): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await administer(`CREATE DATABASE ${name} ${clause}`);
  return { name, url: urlOf(name), drop: () => administer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

/** Runs one statement on the run's server, outside every test database. */
export async function administer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: urlOf('postgres') });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

function urlOf(database: string): string {
  const server = process.env['CARILLON_TEST_SERVER'];
  if (server === undefined)
    throw new Error('No PostgreSQL in a run of unit tests alone: this test belongs in test/db or test/e2e');
  return server.replace('/DATABASE?', `/${database}?`);
}
