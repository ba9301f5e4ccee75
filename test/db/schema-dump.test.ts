import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { describeSchema } from '../../src/storage/describe-schema.js';
import { cloneDatabase } from '../support/clone-database.js';

test('migrations/schema.sql reads as the migrations made it (npm run db:dump writes it anew)', async () => {
  const database = await cloneDatabase();
  try {
    const written = readFileSync(new URL('../../migrations/schema.sql', import.meta.url), 'utf8');
    expect(await describeSchema(database.url)).toBe(written);
  } finally {
    await database.drop();
  }
});
