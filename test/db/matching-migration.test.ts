import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { groupPlan } from '../../src/matching/group-plan.js';
import { DEFAULT_MATCHING, MatchingWorker } from '../../src/matching/matching.worker.js';
import { PostgresChangeLog } from '../../src/storage/change-log.js';
import { Database } from '../../src/storage/database.js';
import { PostgresEventLedger } from '../../src/storage/event-ledger.js';
import { migrate, revertLastMigration } from '../../src/storage/migrate.js';
import { readMigrationFiles } from '../../src/storage/migration-files.js';
import { parseSubscription } from '../../src/subscriptions/parse-subscription.js';
import { SILENT_LOG } from '../../src/telemetry/log.js';
import { LocalWakeUps } from '../../src/wake-ups/wake-ups.js';
import { ChangeMaker } from '../support/changes.js';
import { emptyDatabase, type TestDatabase } from '../support/clone-database.js';
import { givenEvents } from '../support/given-events.js';
import { insertChanges } from '../support/insert-changes.js';
import { SEMANTICS } from '../support/semantics.js';
import { waitFor } from '../support/wait-for.js';

const ONE_MATCHER = 8;
const PATIENTS = ['a', 'b', 'c', 'd', 'e'];

let clone: TestDatabase;
let database: Database;

beforeAll(async () => {
  clone = await emptyDatabase();
  await migrate(clone.url, readMigrationFiles().slice(0, ONE_MATCHER));
  database = new Database(clone.url, 4, () => {});
});

afterAll(async () => {
  await database.close();
  await clone.drop();
});

const subscription = (patient: string) => ({
  resourceType: 'Subscription',
  id: `s-${patient}`,
  status: 'active',
  reason: 'test',
  criteria: `Observation?patient=${patient}`,
  channel: { type: 'rest-hook', endpoint: 'http://127.0.0.1:9/' },
});
const observation = (id: string, patient: string) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { text: 'x' },
  subject: { reference: `Patient/${patient}` },
});

test('what one process had matched before goes on where it stood, with the next numbers', async () => {
  const maker = new ChangeMaker();
  const subscriptions = PATIENTS.map((patient) => maker.put(subscription(patient)));
  const matched = PATIENTS.map((patient) => maker.put(observation(`old-${patient}`, patient)));
  await insertChanges(database, [...subscriptions, ...matched]);
  await database.run({ text: `INSERT INTO log_epoch VALUES (true, 2, 'here')` });
  for (const [index, patient] of PATIENTS.entries()) {
    const { fingerprint, definition } = groupPlan(parseSubscription(subscription(patient), `s-${patient}`, 1, 'r4b'), SEMANTICS);
    const { epoch, xid, seq } = matched[index]!.position;
    await database.run(
      {
        text: `
        WITH made AS (
          INSERT INTO filter_group (fingerprint, definition, last_n) VALUES (decode($1, 'hex'), $2, 1) RETURNING group_id
        ), event AS (
          INSERT INTO group_event (group_id, n, epoch, xid, seq) SELECT group_id, 1, $4, $5, $6 FROM made
        ), segment AS (
          INSERT INTO subscription_segment (subscription_id, ordinal, group_id, after_n, first_number) SELECT $3, 1, group_id, 0, 1 FROM made
        )
        INSERT INTO subscription_cursor (subscription_id, shard, face) VALUES ($3, 0, 'r4b')`,
      },
      [fingerprint, definition, `s-${patient}`, epoch, xid, seq],
    );
  }
  const { epoch, xid, seq } = matched.at(-1)!.position;
  await database.run(
    {
      text: `UPDATE matching_position SET epoch = $1, xid = $2, seq = $3, batch = 41, leased_by = 'old', token = gen_random_uuid()`,
    },
    [epoch, xid, seq],
  );
  await database.run({ text: `INSERT INTO match_batch (batch, group_ids, subscription_ids) VALUES (41, '{}', '{}')` });

  await migrate(clone.url);
  await insertChanges(
    database,
    PATIENTS.map((patient) => maker.put(observation(`new-${patient}`, patient))),
  );
  const worker = new MatchingWorker(
    new PostgresChangeLog(database),
    new PostgresEventLedger(database),
    new LocalWakeUps(),
    SEMANTICS,
    SILENT_LOG,
    { ...DEFAULT_MATCHING, process: 'new' },
  );
  worker.start();
  for (const patient of PATIENTS) await waitFor(async () => (await givenEvents(database, `s-${patient}`)).length === 2);
  await worker.stop();
  const batches = await database.rows<{ batch: bigint }>({ text: 'SELECT batch FROM match_batch ORDER BY batch' });
  expect(batches.map(({ batch }) => Number(batch)).slice(0, 2)).toEqual([41, 42]);
});

test('the way back keeps the place while all partitions stand at one, and is refused while they do not', async () => {
  const rows = await database.rows<{ seq: bigint }>({ text: 'SELECT DISTINCT seq FROM matching_position' });
  expect(rows).toHaveLength(1);
  const [newest] = await database.rows<{ batch: bigint }>({ text: 'SELECT max(batch) AS batch FROM match_batch' });
  await database.run({ text: 'UPDATE matching_position SET seq = seq - 1 WHERE partition = 3' });
  await back(ONE_MATCHER + 1);
  await expect(revertLastMigration(clone.url)).rejects.toThrow(/different places/);
  await database.run({ text: 'UPDATE matching_position SET seq = seq + 1 WHERE partition = 3' });
  await back(ONE_MATCHER);
  expect(await database.rows({ text: 'SELECT partition, seq, batch FROM matching_position' })).toEqual([
    { partition: 0, seq: rows[0]!.seq, batch: newest!.batch },
  ]);
});

/** Back to the schema of so many migrations. */
async function back(to: number): Promise<void> {
  for (let count = (await taken()).length; count > to; count--) await revertLastMigration(clone.url);
}

async function taken(): Promise<unknown[]> {
  return database.rows({ text: 'SELECT FROM migration' });
}
