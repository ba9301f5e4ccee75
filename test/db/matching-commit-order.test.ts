import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { LOG_START, type LogPosition } from '../../src/fhir/change.js';
import { PostgresChangeLog } from '../../src/storage/change-log.js';
import { Database } from '../../src/storage/database.js';
import { cloneDatabase, type TestDatabase } from '../support/clone-database.js';

const WRITERS = 16;
const TRANSACTIONS = 120;
const LAST = 'the last of all';

let clone: TestDatabase;
let database: Database;

beforeAll(async () => {
  clone = await cloneDatabase();
  database = new Database(clone.url, 4, () => {});
});

afterAll(async () => {
  await database.close();
  await clone.drop();
});

const INSERT = `
  INSERT INTO resource_version (epoch, type, id, version, interaction, method, face, at, body)
  VALUES (1, 'Basic', $1, 1, 'create', 'POST', 'r4b', now(), '{}')`;

/** Transactions of many lengths, some rolled back, some with savepoints of which a part is undone. */
async function writeAlot(writer: number): Promise<string[]> {
  const client = new pg.Client({ connectionString: clone.url });
  await client.connect();
  const committed: string[] = [];
  for (let n = 0; n < TRANSACTIONS; n++) {
    const id = (part: string) => `w${writer}-${n}-${part}`;
    await client.query('BEGIN');
    await client.query(INSERT, [id('a')]);
    if (n % 4 === 0) {
      await client.query('SAVEPOINT s');
      await client.query(INSERT, [id('undone')]);
      await client.query('ROLLBACK TO SAVEPOINT s');
      await client.query('SAVEPOINT t');
      await client.query(INSERT, [id('b')]);
      await client.query('RELEASE SAVEPOINT t');
    }
    // A writer that dawdles between taking its place in the sequence and its commit is what a plain id loses.
    if (n % 3 === 0) await client.query('SELECT pg_sleep($1)', [((writer * 7 + n) % 20) / 1000]);
    const undo = (writer + n) % 10 === 0;
    await client.query(undo ? 'ROLLBACK' : 'COMMIT');
    if (!undo) committed.push(id('a'), ...(n % 4 === 0 ? [id('b')] : []));
  }
  await client.end();
  return committed;
}

test('with 16 writers, rollbacks and savepoints, the tail loses and repeats nothing; tailing by the sequence alone does lose', async () => {
  const log = new PostgresChangeLog(database);
  const seen: string[] = [];
  const plain: string[] = [];
  let position: LogPosition = LOG_START;
  let lastSeq = 0n;
  let writing = true;
  // Until the row that is written last: transactions of any database of the server may hold the tail back for a while.
  const tail = async () => {
    while (seen.at(-1) !== LAST) {
      const changes = await log.after(position, 500);
      seen.push(...changes.map(({ id }) => id));
      position = changes.at(-1)?.position ?? position;
    }
  };
  const tailPlain = async () => {
    for (;;) {
      const stopAfter = !writing;
      const rows = await database.rows<{ id: string; seq: bigint }>(
        { text: 'SELECT id, seq FROM resource_version WHERE seq > $1 ORDER BY seq LIMIT 500' },
        [lastSeq],
      );
      plain.push(...rows.map(({ id }) => id));
      lastSeq = rows.at(-1)?.seq ?? lastSeq;
      if (stopAfter && rows.length === 0) return;
    }
  };
  const readers = Promise.all([tail(), tailPlain()]);
  const committed = (await Promise.all(Array.from({ length: WRITERS }, (_, writer) => writeAlot(writer)))).flat();
  await database.run({ text: INSERT }, [LAST]);
  committed.push(LAST);
  writing = false;
  await readers;

  expect(seen.length).toBe(committed.length);
  expect(new Set(seen)).toEqual(new Set(committed));
  // The control: were it to lose nothing, this test would prove nothing.
  expect(plain.length).toBeLessThan(committed.length);
});

test('changes of an older epoch are visible whatever their transaction ids', async () => {
  const fresh = await cloneDatabase();
  const other = new Database(fresh.url, 2, () => {});
  await other.run({ text: `INSERT INTO log_epoch VALUES (true, 2, 'here') ON CONFLICT (only_row) DO UPDATE SET epoch = 2` });
  await other.run({
    text: `
    INSERT INTO resource_version (epoch, xid, type, id, version, interaction, method, face, at, body)
    VALUES (1, '999999999999', 'Basic', 'old', 1, 'create', 'POST', 'r4b', now(), '{}'),
           (2, '7', 'Basic', 'new', 1, 'create', 'POST', 'r4b', now(), '{}'),
           (2, '999999999999', 'Basic', 'unsettled', 1, 'create', 'POST', 'r4b', now(), '{}')`,
  });
  const changes = await new PostgresChangeLog(other).after(LOG_START, 10);
  expect(changes.map(({ id }) => id)).toEqual(['old', 'new']);
  await other.close();
  await fresh.drop();
});
