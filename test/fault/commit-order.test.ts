import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { LOG_START, type LogPosition } from '../../src/fhir/change.js';
import { PostgresChangeLog } from '../../src/storage/change-log.js';
import { Database } from '../../src/storage/database.js';
import { cloneDatabase, type TestDatabase } from '../support/clone-database.js';
import { Random } from './harness/random.js';
import { byLength, seedOfRun } from './harness/run-length.js';

const WRITERS = 16;
const TRANSACTIONS = byLength(100, 5000);
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

interface Written {
  /** Rows committed, and how many were written and undone. */
  committed: string[];
  undone: number;
}

/** Transactions of 0 to 50 ms, a tenth to a third of them rolled back, some with savepoints of which a part is undone. */
async function writeAlot(writer: number, random: Random): Promise<Written> {
  const client = new pg.Client({ connectionString: clone.url });
  await client.connect();
  const written: Written = { committed: [], undone: 0 };
  const undoneShare = random.between(10, 30) / 100;
  for (let n = 0; n < TRANSACTIONS; n++) {
    const id = (part: string) => `w${writer}-${n}-${part}`;
    const rows = [id('a')];
    await client.query('BEGIN');
    await client.query(INSERT, [id('a')]);
    if (random.next() < 0.25) {
      await client.query('SAVEPOINT s');
      await client.query(INSERT, [id('undone')]);
      await client.query('ROLLBACK TO SAVEPOINT s');
      await client.query('SAVEPOINT t');
      await client.query(INSERT, [id('b')]);
      await client.query('RELEASE SAVEPOINT t');
      rows.push(id('b'));
      written.undone += 1;
    }
    // A writer that dawdles between taking its place in the sequence and its commit is what a plain id loses.
    if (random.next() < 0.3) await client.query('SELECT pg_sleep($1)', [random.between(0, 50) / 1000]);
    const undo = random.next() < undoneShare;
    await client.query(undo ? 'ROLLBACK' : 'COMMIT');
    if (undo) written.undone += rows.length;
    else written.committed.push(...rows);
  }
  await client.end();
  return written;
}

test(
  'with 16 writers, rollbacks and savepoints, the tail loses and repeats nothing; tailing by the sequence alone does lose',
  async () => {
    const seed = seedOfRun();
    const random = new Random(seed);
    // Each session takes places in advance, as it may where somebody widens the cache.
    await database.run({ text: 'ALTER TABLE resource_version ALTER COLUMN seq SET CACHE 8' });
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
    const written = await Promise.all(
      Array.from({ length: WRITERS }, (_, writer) => writeAlot(writer, random.branch(`writer ${writer}`))),
    );
    const committed = written.flatMap((one) => one.committed);
    await database.run({ text: INSERT }, [LAST]);
    committed.push(LAST);
    writing = false;
    await readers;

    const undone = written.reduce((sum, one) => sum + one.undone, 0);
    const lost = committed.length - plain.length;
    console.log(
      `seed ${seed}: ${committed.length} rows committed, ${undone} undone; by the sequence alone ${lost} would be lost`,
    );
    expect(seen.length).toBe(committed.length);
    expect(new Set(seen)).toEqual(new Set(committed));
    expect(undone).toBeGreaterThan(0);
    // The control: were it to lose nothing, this test would prove nothing.
    expect(lost).toBeGreaterThan(0);
  },
  byLength(180_000, 900_000),
);

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
