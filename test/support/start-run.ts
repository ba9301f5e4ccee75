import { join } from 'node:path';
import pg from 'pg';
import { migrate } from '../../src/storage/migrate.js';
import { PostgresServer } from '../../src/storage/postgres/postgres-server.js';
import { clearDeadRuns, makeRunFolder } from './run-folder.js';

export interface TestRun {
  folder: string;
  server: PostgresServer | undefined;
}

declare global {
  var testRun: TestRun | undefined;
}

/**
 * Starts one PostgreSQL for the whole run and migrates one database, which every test file clones. A run of unit tests alone goes
 * without.
 */
export async function startRun(config: { testPathPatterns?: { patterns: string[] } }): Promise<void> {
  await clearDeadRuns();
  const folder = makeRunFolder();
  process.env['CARILLON_TEST_RUN'] = folder;
  globalThis.testRun = { folder, server: undefined };
  const asked = config.testPathPatterns?.patterns ?? [];
  if (asked.length > 0 && asked.every((pattern) => pattern.includes('test/unit'))) return;
  const server = await PostgresServer.start(
    {
      folder: join(folder, 'postgres'),
      sync: false,
      // The run's databases are thrown away with it; fault tests, which cut power, have a hub with a server of its own.
      settings: { fsync: 'off', full_page_writes: 'off', max_connections: '300', autovacuum: 'off' },
    },
    {
      recovered: () => {},
      died: (how) => console.error(`The PostgreSQL of the tests ended: ${how}`),
      restarted: () => {},
      restartFailed: (error) => console.error(error),
    },
  );
  globalThis.testRun.server = server;
  const admin = new pg.Client({ connectionString: server.url('postgres') });
  await admin.connect();
  await admin.query('CREATE DATABASE template');
  await migrate(server.url('template'));
  await admin.query('ALTER DATABASE template WITH ALLOW_CONNECTIONS false');
  await admin.end();
  process.env['CARILLON_TEST_SERVER'] = server.url('DATABASE');
}
