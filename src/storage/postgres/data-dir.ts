import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** DATA_DIR is no folder that this process can work in. */
export class UnusableDataDir extends Error {
  override readonly name = 'UnusableDataDir';
}

/**
 * Makes the folder and the folders that lead to it, one after the other: Node's recursive `mkdir` never returns where a parent cannot be
 * made for being absent, as below /proc.
 * @throws UnusableDataDir
 */
export function makeDataDir(dataDir: string): void {
  const missing: string[] = [];
  let folder = resolve(dataDir);
  while (!existsSync(folder)) {
    missing.unshift(folder);
    folder = dirname(folder);
  }
  if (!statSync(folder).isDirectory()) throw unusable(dataDir, `${folder} is not a folder`);
  try {
    for (const each of missing) makeFolder(each);
    accessSync(dataDir, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw unusable(dataDir, (error as Error).message);
  }
}

/** Another hub that starts on the same folder may have made it a moment ago. */
function makeFolder(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function unusable(dataDir: string, reason: string): UnusableDataDir {
  return new UnusableDataDir(`DATA_DIR ${dataDir} cannot be used (${reason}); name a folder that this user may write in.`);
}
