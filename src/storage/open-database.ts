import { join } from 'node:path';
import pg from 'pg';
import type { Log } from '../telemetry/log.js';
import { migrate } from './migrate.js';
import { HubLock } from './postgres/hub-lock.js';
import { PostgresServer } from './postgres/postgres-server.js';

/** A database that is migrated and answers. `close` gives back what was taken for it: the server, the DATA_DIR. */
export interface OpenDatabase {
  url: string;
  close(): Promise<void>;
}

/**
 * The operator's own server where DATABASE_URL names one, else the embedded one in DATA_DIR. Leaves nothing running when it fails.
 * @throws DataDirInUse, SchemaTooNew, or what the server says
 */
export async function openDatabase(storage: { dataDir: string; databaseUrl?: string }, log: Log): Promise<OpenDatabase> {
  if (storage.databaseUrl !== undefined) {
    await untilItAnswers(storage.databaseUrl, log);
    await migrateWithLog(storage.databaseUrl, log);
    return { url: storage.databaseUrl, close: async () => {} };
  }
  const lock = HubLock.take(storage.dataDir);
  let server: PostgresServer | undefined;
  const close = async () => {
    await server?.stop();
    lock.release();
  };
  try {
    server = await PostgresServer.start(
      { folder: join(storage.dataDir, 'postgres') },
      {
        recovered: (found) => log.info({ found }, 'postgres.recovered'),
        died: (how) => log.error({ how }, 'postgres.died'),
        restarted: () => log.info({}, 'postgres.restarted'),
        restartFailed: (error) => log.error({ err: error }, 'postgres.restart-failed'),
      },
    );
    await createDatabase(server.url('postgres'));
    const url = server.url(DATABASE);
    await migrateWithLog(url, log);
    return { url, close };
  } catch (error) {
    await close();
    throw error;
  }
}

export const DATABASE = 'carillon';

async function createDatabase(url: string): Promise<void> {
  await withClient(url, async (client) => {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
  });
}

const ANSWER_SECONDS = 15;

/** A server that starts at the same time as the hub is given a while. */
async function untilItAnswers(url: string, log: Log): Promise<void> {
  const deadline = Date.now() + ANSWER_SECONDS * 1000;
  for (let attempt = 1; ; attempt++) {
    try {
      return await withClient(url, async (client) => void (await client.query('SELECT 1')));
    } catch (error) {
      if (Date.now() > deadline || !isPassing(error as { code?: string })) {
        throw new Error(
          `The database of DATABASE_URL does not answer: ${(error as Error).message || (error as { code?: string }).code}`,
          { cause: error },
        );
      }
      if (attempt === 1) log.info({ err: error }, 'database.waiting');
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

/** Not there yet, or (57P03) starting; a wrong password or name will not mend itself. */
function isPassing({ code }: { code?: string }): boolean {
  return code === undefined || code === '57P03' || code === '53300' || /^E[A-Z_]+$/.test(code);
}

async function migrateWithLog(url: string, log: Log): Promise<void> {
  const taken = await migrate(url);
  if (taken.length > 0) log.info({ migrations: taken }, 'database.migrated');
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000, application_name: 'carillon start' });
  // What happens to the connection also fails the query in hand; without a listener it would end the process.
  client.on('error', () => {});
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}
