import { cpSync, lstatSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Binaries } from './binaries.js';
import { canReach } from './reachable.js';
import type { SystemUser } from './system-user.js';

/**
 * The binaries as `user` can run them: as they lie, or, where the checkout is in a private folder (root's home, `mktemp -d`), a copy
 * outside it. The copy is made once for each version and shared; nobody but root could have put anything in it.
 */
export function reachableBinaries(binaries: Binaries, user: SystemUser | undefined): Binaries {
  if (user === undefined || canReach(join(binaries.folder, 'bin'), user)) return binaries;
  for (const parent of ['/var/lib', tmpdir()]) {
    try {
      return { ...binaries, folder: copyInto(join(parent, 'carillon'), binaries, user) };
    } catch {
      // read-only or otherwise unfit; the next place
    }
  }
  throw new Error(
    `PostgreSQL runs as the account "postgres", which cannot reach ${binaries.folder}, and no copy could be made: ` +
      'move the checkout to a folder that others may enter, start as another user, or set DATABASE_URL.',
  );
}

/** Made aside and renamed into place, so that a concurrent start sees the whole copy or none. */
function copyInto(store: string, binaries: Binaries, user: SystemUser): string {
  mkdirSync(store, { recursive: true, mode: 0o755 });
  requireOwn(store);
  const copy = join(store, `postgresql-${binaries.version}`);
  if (!exists(copy)) {
    const aside = mkdtempSync(join(store, 'making-'));
    try {
      const root = join(aside, 'native');
      cpSync(binaries.folder, root, { recursive: true, verbatimSymlinks: true, filter: (source) => !source.endsWith('.a') });
      try {
        renameSync(root, copy);
      } catch (error) {
        // Another start was first; a folder with files in it is never replaced.
        if (!exists(copy)) throw error;
      }
    } finally {
      rmSync(aside, { recursive: true, force: true });
    }
  }
  requireOwn(copy);
  if (!canReach(join(copy, 'bin'), user)) throw new Error(`${copy} is out of reach`);
  return copy;
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** What another user made, or may write to, is not run. */
function requireOwn(path: string): void {
  const found = lstatSync(path);
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o022) !== 0) {
    throw new Error(`${path} is not a folder of this user alone`);
  }
}
