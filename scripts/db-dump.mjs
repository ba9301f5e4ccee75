/** Writes `migrations/schema.sql`: what the migrations come to, read back from a database made by them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate } from '../dist/storage/migrate.js';
import { describeSchema } from '../dist/storage/describe-schema.js';
import { PostgresServer } from '../dist/storage/postgres/postgres-server.js';

const folder = mkdtempSync(join(tmpdir(), 'carillon-dump-'));
const watch = { recovered() {}, died() {}, restarted() {}, restartFailed() {} };
const server = await PostgresServer.start({ folder: join(folder, 'postgres'), sync: false }, watch);
try {
  const url = server.url('postgres');
  await migrate(url);
  writeFileSync(new URL('../migrations/schema.sql', import.meta.url), await describeSchema(url));
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
