import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A step of the schema: `migrations/NNNN-name.up.sql` and the way back. */
export interface MigrationFile {
  number: number;
  /** As kept in the database: the file's name, with the number as TypeORM wants it (13 digits, at the end). */
  name: string;
  up: string;
  down: string;
}

const FOLDER = fileURLToPath(new URL('../../migrations/', import.meta.url));

/** All migrations, in order. @throws Error where a number is missing, doubled or has no way back */
export function readMigrationFiles(folder = FOLDER): MigrationFile[] {
  const ups = readdirSync(folder)
    .filter((file) => file.endsWith('.up.sql'))
    .sort();
  return ups.map((file, index) => {
    const parts = /^(\d{4})-([a-z0-9-]+)\.up\.sql$/.exec(file);
    if (parts === null) throw new Error(`migrations/${file} is not named NNNN-name.up.sql`);
    const number = Number(parts[1]);
    if (number !== index + 1) throw new Error(`migrations/${file}: number ${index + 1} was expected`);
    const read = (direction: string) => readFileSync(join(folder, `${parts[1]}-${parts[2]}.${direction}.sql`), 'utf8');
    return { number, name: `${parts[2]}-${String(number).padStart(13, '0')}`, up: read('up'), down: read('down') };
  });
}
