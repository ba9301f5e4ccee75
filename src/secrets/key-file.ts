import {
  chownSync,
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { KeySource, KeysUnusable } from './key-ring.js';
import { parseSecretKey, type SecretKey } from './secret-key.js';

const HEAD =
  '# Keys of this Carillon: the first seals secrets in its database, all open them. Whoever reads this file can open them, too;\n' +
  '# whoever loses it cannot any more. Keep a copy apart from the copies of the database.\n';

/** A file of keys, one a line, that only its owner can read. */
export class KeyFile extends KeySource {
  readonly name: string;
  private mark = '';

  constructor(readonly path: string) {
    super();
    this.name = `the key file ${path}`;
  }

  read(): readonly SecretKey[] {
    const mark = this.markNow();
    const keys = readKeyFile(this.path);
    this.mark = mark;
    return keys;
  }

  hasChanged(): boolean {
    return this.markNow() !== this.mark;
  }

  private markNow(): string {
    const found = statSync(this.path, { throwIfNoEntry: false });
    return found === undefined ? '' : `${found.ino} ${found.size} ${found.mtimeMs}`;
  }
}

/** @throws KeysUnusable where the file is missing, can be read by others, or holds anything but keys */
export function readKeyFile(path: string): SecretKey[] {
  let lines: string[];
  try {
    const { mode } = statSync(path);
    if ((mode & 0o077) !== 0) {
      const written = (mode & 0o777).toString(8).padStart(3, '0');
      throw new KeysUnusable(`The key file ${path} can be read or written by others (mode ${written}); chmod 600 it.`);
    }
    lines = readFileSync(path, 'utf8').split('\n');
  } catch (error) {
    if (error instanceof KeysUnusable) throw error;
    throw new KeysUnusable(`The key file ${path} cannot be read: ${(error as Error).message}`);
  }
  const written = lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
  const keys = written.map((line) => parseSecretKey(line));
  if (keys.length === 0 || keys.includes(undefined))
    throw new KeysUnusable(`The key file ${path} must hold keys, one a line, each the base64 of 32 bytes.`);
  return keys as SecretKey[];
}

/** Makes the file unless one is there, at once and whole; of two hubs that make it together the second keeps the first one's. */
export function makeKeyFile(path: string, key: SecretKey): void {
  const aside = writeAside(path, [key]);
  try {
    linkSync(aside, path);
    syncFolder(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

/** Puts other keys into the file, at once and whole: it never is without keys. It stays its owner's, whoever replaces it. */
export function replaceKeyFile(named: string, keys: readonly SecretKey[]): void {
  const path = realpathSync(named);
  const { uid, gid } = statSync(path);
  const aside = writeAside(path, keys);
  chownSync(aside, uid, gid);
  renameSync(aside, path);
  syncFolder(path);
}

function writeAside(path: string, keys: readonly SecretKey[]): string {
  const aside = `${path}.${process.pid}`;
  rmSync(aside, { force: true });
  const file = openSync(aside, 'wx', 0o600);
  try {
    writeFileSync(file, HEAD + keys.map(({ bytes }) => `${bytes.toString('base64')}\n`).join(''));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return aside;
}

/** What is sealed under a key must not outlive a power cut that the key's file does not. */
function syncFolder(path: string): void {
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
