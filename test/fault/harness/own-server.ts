import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { migrate } from '../../../src/storage/migrate.js';
import { PostgresServer } from '../../../src/storage/postgres/postgres-server.js';
import type { TestDatabase } from '../../support/clone-database.js';
import { newFolder } from '../../support/run-folder.js';
import { waitFor } from '../../support/wait-for.js';

/**
 * A PostgreSQL of one test file alone, with the settings of the embedded one: what is done to it troubles no other test. It starts again
 * by itself when its postmaster ends.
 */
export class OwnServer {
  private constructor(
    private readonly server: PostgresServer,
    private readonly folder: string,
  ) {}

  static async start(settings: Readonly<Record<string, string>> = {}): Promise<OwnServer> {
    const folder = join(newFolder('own-server'), 'postgres');
    const watch = {
      recovered: () => {},
      died: () => {},
      restarted: () => {},
      restartFailed: (error: Error) => console.error(error),
    };
    const server = await PostgresServer.start({ folder, sync: false, settings }, watch);
    return new OwnServer(server, folder);
  }

  /** A migrated database on it. */
  async database(name: string): Promise<TestDatabase> {
    await this.administer(`CREATE DATABASE ${name}`);
    const url = this.server.url(name);
    await migrate(url);
    return { name, url, drop: () => this.administer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
  }

  /** A connection of the test's own, beside those of the hubs. The test ends it. */
  async connect(database: string): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.server.url(database), application_name: 'a test' });
    // The test ends it, or the server does.
    client.on('error', () => {});
    await client.connect();
    return client;
  }

  async administer(statement: string): Promise<void> {
    const client = await this.connect('postgres');
    try {
      await client.query(statement);
    } finally {
      await client.end();
    }
  }

  get postmaster(): number {
    return Number(readFileSync(join(realpathSync(this.folder), 'postmaster.pid'), 'utf8').split('\n')[0]);
  }

  /** SIGINT: a fast shutdown; SIGQUIT: an immediate one; SIGKILL: as in a crash. Resolves when the next postmaster answers. */
  async restart(signal: 'SIGINT' | 'SIGQUIT' | 'SIGKILL'): Promise<void> {
    const before = this.postmaster;
    process.kill(before, signal);
    await waitFor(
      async () => {
        if (this.postmaster === before) return false;
        const client = await this.connect('postgres');
        await client.end();
        return true;
      },
      { milliseconds: 60_000, stepMilliseconds: 50, what: `PostgreSQL to be back after ${signal}` },
    );
  }

  stop(): Promise<void> {
    return this.server.stop();
  }
}
