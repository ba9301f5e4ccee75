import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The longest path of a socket is 107 bytes on Linux, 103 on macOS; its name takes 15 of them. */
const LONGEST = 85;

/** A path to the data folder that is short enough for the socket in it. `remove` takes away what was made for it. */
export function socketFolder(dataFolder: string): { path: string; remove(): void } {
  if (Buffer.byteLength(dataFolder) <= LONGEST) return { path: dataFolder, remove() {} };
  const folder = privateFolder(`carillon-${createHash('sha256').update(dataFolder).digest('hex').slice(0, 12)}`);
  const path = join(folder, 'pg');
  rmSync(path, { force: true });
  symlinkSync(dataFolder, path);
  return { path, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Connection string of a database of the server whose socket is in this folder. */
export function socketUrl(folder: string, database: string): string {
  return `postgres://postgres@localhost/${encodeURIComponent(database)}?host=${encodeURIComponent(folder)}`;
}

/** One of our own by a name that is found again after a crash; if another user sits on that name, one with a random name. */
function privateFolder(name: string): string {
  const folder = join(tmpdir(), name);
  try {
    mkdirSync(folder, { mode: 0o700 });
    return folder;
  } catch {
    const found = lstatSync(folder, { throwIfNoEntry: false });
    const isOurs = found?.isDirectory() === true && found.uid === process.getuid?.() && (found.mode & 0o077) === 0;
    return isOurs ? folder : mkdtempSync(join(tmpdir(), 'carillon-'));
  }
}
