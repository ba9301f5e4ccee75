import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Database, Sql } from '../../src/storage/database.js';
import { CURRENT_RESOURCES } from '../../src/storage/sql/current-resources.sql.js';
import { GROUP_NEWS } from '../../src/storage/sql/group-news.sql.js';
import { MATCH_BATCHES_AFTER } from '../../src/storage/sql/match-batches.sql.js';
import { PREVIOUS_VERSIONS } from '../../src/storage/sql/previous-versions.sql.js';
import { READ_GROUP_EVENTS } from '../../src/storage/sql/read-group-events.sql.js';
import { RESOURCE_VERSION } from '../../src/storage/sql/resource-version.sql.js';
import { TAIL_CHANGES } from '../../src/storage/sql/tail-changes.sql.js';
import { VERSIONS_BY_POSITION } from '../../src/storage/sql/versions-by-position.sql.js';
import { type OpenClone, openClone } from '../support/open-clone.js';

/** PostgreSQL plans a prepared statement by its values so many times before it compares that with a plan for any values. */
const PLANNED_BY_VALUES = 5;
const TIMES = 12;

/** Enough for the planner to think that what lies behind a known place is less than what lies behind any. */
const VERSIONS = `
  INSERT INTO resource_version (epoch, type, id, version, interaction, method, face, at, body)
  SELECT 1, 'Observation', 'o' || n, 1, 'create', 'POST', 'r4b', now(), '{}' FROM generate_series(1, 5000) AS n
  ON CONFLICT DO NOTHING`;

let clone: OpenClone;
let database: Database;

beforeAll(async () => {
  // One connection, so that all statements are prepared on it.
  clone = await openClone(1);
  database = clone.database;
});

afterAll(async () => {
  await clone.drop();
});

/** Lists of one, as they are where the hub has little to do and answers soonest. */
const STATEMENTS: readonly (readonly [sql: Sql, values: (n: number) => unknown[]])[] = [
  [CURRENT_RESOURCES, (n) => [['Observation'], [`o${n}`]]],
  [RESOURCE_VERSION, (n) => ['Observation', `o${n}`, 1]],
  [TAIL_CHANGES, (n) => [1, '999999999', String(n), 500 + n]],
  [VERSIONS_BY_POSITION, (n) => [[1], [String(n)], [String(n)]]],
  [PREVIOUS_VERSIONS, (n) => [['Observation'], [`o${n}`], [2]]],
  [GROUP_NEWS, (n) => [[String(n)], ['0'], 500 + n]],
  [READ_GROUP_EVENTS, (n) => [[String(n)], ['0'], ['1'], 500 + n, 1_000_000]],
  [MATCH_BATCHES_AFTER, (n) => [String(n), 500 + n]],
];

const named = STATEMENTS.map(([sql, values]) => ({ name: sql.name, sql, values }));

/** A plan is kept for as long as nobody counts the rows anew, however many come meanwhile. */
test.each(named)('$name looks up what it needs even when planned while nothing is stored', async ({ sql }) => {
  const plan = await database.rows<{ 'QUERY PLAN': string }>({ text: `EXPLAIN (GENERIC_PLAN) ${sql.text}` });
  const text = plan.map((line) => line['QUERY PLAN']).join('\n');
  expect(text).toMatch(/Index/);
  expect(text).not.toMatch(/Seq Scan on (resource|resource_version|group_event|filter_group|match_batch)\b/);
});

test.each(named)('$name is planned once a connection and not each time', async ({ name, sql, values }) => {
  await database.run({ text: VERSIONS });
  await database.run({ text: 'ANALYZE resource_version' });
  for (let n = 1; n <= TIMES; n++) await database.rows(sql, values(n));
  const [planned] = await database.rows<{ generic_plans: bigint }>(
    { text: 'SELECT generic_plans FROM pg_prepared_statements WHERE name = $1' },
    [name],
  );
  expect(planned!.generic_plans).toBe(BigInt(TIMES - PLANNED_BY_VALUES));
});
