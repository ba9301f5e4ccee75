import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDataDir } from './data-dir.js';
import { processIdentity } from './processes.js';

/** Another hub works in the DATA_DIR. */
export class DataDirInUse extends Error {
  override readonly name = 'DataDirInUse';
}

interface Owner {
  pid: number;
  identity: string;
}

/**
 * The right to a DATA_DIR: one hub at a time. A file names the process and when it began, so a lock that a killed hub left behind is
 * told from a living one even when its number was given to another process.
 */
export class HubLock {
  private constructor(
    private readonly file: string,
    private readonly content: string,
  ) {}

  /** @throws DataDirInUse, UnusableDataDir */
  static take(dataDir: string): HubLock {
    makeDataDir(dataDir);
    const file = join(dataDir, 'hub.lock');
    const owner: Owner = { pid: process.pid, identity: processIdentity(process.pid) ?? '' };
    const lock = new HubLock(file, JSON.stringify(owner));
    // Linking a finished file into place is atomic, and fails where one is.
    const finished = `${file}.${process.pid}`;
    writeFileSync(finished, lock.content);
    try {
      for (let tries = 0; tries < 10; tries++) {
        if (linkInto(finished, file)) return lock;
        lock.removeIfStale();
      }
      throw new DataDirInUse(`The lock ${file} cannot be taken: another hub starts at the same time. Try again.`);
    } finally {
      rmSync(finished, { force: true });
    }
  }

  release(): void {
    if (read(this.file) === this.content) rmSync(this.file, { force: true });
  }

  /** @throws DataDirInUse when its owner lives */
  private removeIfStale(): void {
    const found = read(this.file);
    if (found === undefined) return;
    const owner = parse(found);
    if (owner !== undefined && processIdentity(owner.pid) === owner.identity) {
      throw new DataDirInUse(
        `Another Carillon (process ${owner.pid}) already works in this DATA_DIR; stop it, or choose another DATA_DIR.`,
      );
    }
    // Moved away under a name of our own and looked at again: another start may have replaced the stale lock in between.
    const aside = `${this.file}.stale.${process.pid}`;
    try {
      renameSync(this.file, aside);
    } catch {
      return;
    }
    if (read(aside) !== found) linkInto(aside, this.file);
    rmSync(aside, { force: true });
  }
}

function linkInto(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function parse(content: string): Owner | undefined {
  try {
    return JSON.parse(content) as Owner;
  } catch {
    return undefined;
  }
}
