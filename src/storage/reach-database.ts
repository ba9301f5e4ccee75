import { join } from 'node:path';
import type { Log } from '../telemetry/log.js';
import { DATABASE, type OpenDatabase, openDatabase } from './open-database.js';
import { DataDirInUse } from './postgres/hub-lock.js';
import { socketFolder, socketUrl } from './postgres/socket-folder.js';

/** The hub's database for a program beside it: opened where no hub runs, else as the running hub's server offers it. */
export async function reachDatabase(storage: { dataDir: string; databaseUrl?: string }, log: Log): Promise<OpenDatabase> {
  try {
    return await openDatabase(storage, log);
  } catch (error) {
    if (!(error instanceof DataDirInUse)) throw error;
    return { url: socketUrl(socketFolder(join(storage.dataDir, 'postgres')).path, DATABASE), close: async () => {} };
  }
}
