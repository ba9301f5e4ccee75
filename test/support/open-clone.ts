import { Database } from '../../src/storage/database.js';
import { cloneDatabase, type TestDatabase } from './clone-database.js';

/** A migrated, empty database of its own that is open: `drop` closes it first. */
export interface OpenClone extends TestDatabase {
  database: Database;
}

/** @param connections at most, of {@link OpenClone.database} */
export async function openClone(connections = 4): Promise<OpenClone> {
  const { url, name, drop } = await cloneDatabase();
  const database = new Database(url, connections, () => {});
  return {
    url,
    name,
    database,
    drop: async () => {
      await database.close();
      await drop();
    },
  };
}
