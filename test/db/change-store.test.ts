import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { comparePositions, LOG_START, type LogPosition } from '../../src/fhir/change.js';
import { FhirError } from '../../src/fhir/fhir-error.js';
import type { ResourceToStore, Write } from '../../src/intake/change-store.js';
import type { IndexRows } from '../../src/search/values.js';
import { PostgresChangeStore } from '../../src/storage/change-store.js';
import { Database } from '../../src/storage/database.js';
import { LocalWakeUps } from '../../src/wake-ups/wake-ups.js';
import { waitFor } from '../support/wait-for.js';
import { administer, cloneDatabase, type TestDatabase } from '../support/clone-database.js';

let clone: TestDatabase;
let database: Database;
const stores: PostgresChangeStore[] = [];
const databases: Database[] = [];
const NONE: IndexRows = { keys: [], dates: [], numbers: [], quantities: [], strings: [] };

beforeAll(async () => {
  clone = await cloneDatabase();
  database = new Database(clone.url, 4, () => undefined);
  // Two stores with pools of their own stand for two processes.
  for (const _ of [1, 2]) {
    const own = new Database(clone.url, 3, () => undefined);
    databases.push(own);
    stores.push(new PostgresChangeStore(own, indexRows, new LocalWakeUps()));
  }
});

afterAll(async () => {
  for (const each of [database, ...databases]) await each.close();
  await clone.drop();
});

/** The test says in the resource itself what is to be indexed. */
function indexRows(resource: ResourceToStore): IndexRows {
  return { ...NONE, ...(resource.value['rows'] as Partial<IndexRows> | undefined) };
}

function basic(id: string, content: Record<string, unknown> = {}): ResourceToStore {
  const { rows, ...stored } = content;
  return { type: 'Basic', id, text: JSON.stringify({ resourceType: 'Basic', id, ...stored }), value: { ...stored, rows } };
}

const put = (id: string, content?: Record<string, unknown>, more: object = {}): Write => ({
  kind: 'put',
  method: 'PUT',
  resource: basic(id, content),
  ...more,
});
const [first, second] = [() => stores[0]!, () => stores[1]!];
const write = (store: PostgresChangeStore, ...writes: Write[]) => store.write({ face: 'r4b', writes });

async function versionsOf(id: string): Promise<number[]> {
  const rows = await database.rows<{ version: number }>(
    { text: 'SELECT version FROM resource_version WHERE type = $1 AND id = $2 ORDER BY version' },
    ['Basic', id],
  );
  return rows.map(({ version }) => version);
}

describe('two processes', () => {
  test('give a resource that both write versions without a gap and one current row', async () => {
    const id = randomUUID();
    await Promise.all(Array.from({ length: 50 }, (_, n) => write(n % 2 ? first() : second(), put(id, { n }))));
    expect(await versionsOf(id)).toEqual(Array.from({ length: 50 }, (_, n) => n + 1));
    const current = await database.rows({ text: 'SELECT version, deleted FROM resource WHERE id = $1' }, [id]);
    expect(current).toEqual([{ version: 50, deleted: false }]);
  });

  test('let exactly one If-Match win', async () => {
    const id = randomUUID();
    await write(first(), put(id));
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) => write(n % 2 ? first() : second(), put(id, { n }, { ifMatch: 1 }))),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results) if (result.status === 'rejected') expect((result.reason as FhirError).status).toBe(412);
  });

  test('see what the other did while they waited for it: a delete takes the newest version, and the log keeps the order', async () => {
    const [early, contested] = [`a${randomUUID()}`, `b${randomUUID()}`];
    await write(first(), put(early), put(contested));
    const other = new pg.Client({ connectionString: clone.url });
    await other.connect();
    await other.query('BEGIN');
    await other.query('SELECT 1 FROM resource WHERE id = $1 FOR UPDATE', [contested]);
    // Takes its xid with the lock on the first resource, then waits for the second.
    const waiting = write(second(), put(early, { n: 2 }), { kind: 'delete', type: 'Basic', id: contested });
    await waitFor(async () => {
      const held = await other.query(
        "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
      );
      return held.rowCount === 1;
    });
    await other.query(
      `INSERT INTO resource_version (epoch, type, id, version, interaction, method, face, at, body)
       VALUES (0, 'Basic', $1, 2, 'update', 'PUT', 'r4b', now(), '{}')`,
      [contested],
    );
    await other.query('UPDATE resource SET version = 2 WHERE id = $1', [contested]);
    await other.query('COMMIT');
    await other.end();

    const [, outcome] = await waiting;
    expect(outcome).toMatchObject({ kind: 'stored', change: { version: 3, interaction: 'delete' } });
    const log = await database.rows<{ version: number }>(
      { text: 'SELECT version FROM resource_version WHERE id = $1 ORDER BY xid, seq' },
      [contested],
    );
    expect(log.map(({ version }) => version)).toEqual([1, 2, 3]);
  });

  test('do not lock each other out when units name the same resources in opposite order', async () => {
    const ids = Array.from({ length: 6 }, () => randomUUID());
    const reversed = [...ids].reverse();
    await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        write(n % 2 ? first() : second(), ...(n % 2 ? ids : reversed).map((id) => put(id, { n }))),
      ),
    );
    for (const id of ids) expect(await versionsOf(id)).toHaveLength(40);
  });

  test('lose nothing of the log to a reader that follows its tail, whatever is refused in between', async () => {
    const start = await tailEnd();
    const acknowledged: LogPosition[] = [];
    let writing = true;
    const shared = Array.from({ length: 5 }, () => randomUUID());
    const writer = async (store: PostgresChangeStore, seed: number) => {
      for (let n = 0; n < 60; n += 1) {
        const unit: Write[] = [
          put(shared[(n + seed) % 5]!, { n, seed }),
          { kind: 'create', method: 'POST', resource: basic(randomUUID()) },
        ];
        if (n % 5 === 0) unit.push(put(randomUUID(), {}, { ifMatch: 3 }));
        const outcomes = await write(store, ...unit).catch((error: unknown) => {
          expect((error as FhirError).status).toBe(412);
          return [];
        });
        for (const outcome of outcomes) if (outcome.kind === 'stored') acknowledged.push(outcome.change.position);
      }
    };
    const seen: LogPosition[] = [];
    const follow = async () => {
      // Not until a read comes back empty: transactions of any database of the server may hold the tail back for a while.
      for (let at = start; writing || seen.length < acknowledged.length;) {
        const rows = await tail(at);
        seen.push(...rows);
        at = rows.at(-1) ?? at;
      }
    };
    const following = follow();
    await Promise.all(Array.from({ length: 12 }, (_, n) => writer(n % 2 ? first() : second(), n)));
    writing = false;
    await following;
    expect(acknowledged.length).toBeGreaterThan(1000);
    expect(seen).toEqual([...acknowledged].sort(comparePositions));
  });
});

async function tail(after: LogPosition): Promise<LogPosition[]> {
  return database.rows<LogPosition>(
    {
      text: `SELECT epoch, xid, seq FROM resource_version
        WHERE (epoch, xid, seq) > ($1::integer, $2::text::xid8, $3::bigint) AND xid < pg_snapshot_xmin(pg_current_snapshot())
        ORDER BY epoch, xid, seq LIMIT 100`,
    },
    [after.epoch, String(after.xid), String(after.seq)],
  );
}

/** The last row there is: nobody writes when this is asked. */
async function tailEnd(): Promise<LogPosition> {
  const [last] = await database.rows<LogPosition>({
    text: 'SELECT epoch, xid, seq FROM resource_version ORDER BY epoch DESC, xid DESC, seq DESC LIMIT 1',
  });
  return last ?? LOG_START;
}

describe('search rows', () => {
  const rows: IndexRows = {
    keys: [1, -2, Number.MAX_SAFE_INTEGER],
    dates: [{ param: 1, low: Date.parse('2026-01-01T00:00:00.001Z'), high: Infinity }],
    numbers: [{ param: 2, low: -1e-7, high: 12345.678 }],
    quantities: [
      { param: 3, low: 0.1, high: 0.3, unitKeys: [7, 8] },
      { param: -3, low: 1, high: 1, unitKeys: [] },
    ],
    strings: [
      { param: 4, folded: 'a"b\\c\nd,{}', exact: 'A"b\\C\nd,{}' },
      { param: 5, folded: 'null', exact: 'NULL' },
      { param: 6, folded: '', exact: '' },
    ],
  };

  async function stored(id: string) {
    const [row] = await database.rows<{ rid: bigint; keys: bigint[]; deleted: boolean }>(
      { text: 'SELECT rid, keys, deleted FROM resource WHERE id = $1' },
      [id],
    );
    const of = (table: string) =>
      database.rows({ text: `SELECT * FROM ${table} WHERE rid = $1 ORDER BY param` }, [String(row!.rid)]).then((found) =>
        found.map((each) => {
          const { rid: _, ...rest } = each as Record<string, unknown>;
          return rest;
        }),
      );
    return {
      keys: row!.keys.map(Number),
      deleted: row!.deleted,
      dates: await of('search_date'),
      numbers: await of('search_number'),
      quantities: await of('search_quantity'),
      strings: await of('search_string'),
    };
  }

  test('are stored as they are, whatever characters they hold', async () => {
    const id = randomUUID();
    await write(first(), put(id, { rows }));
    expect(await stored(id)).toEqual({
      keys: rows.keys,
      deleted: false,
      dates: [{ param: 1, low: new Date('2026-01-01T00:00:00.001Z'), high: Infinity }],
      numbers: rows.numbers,
      quantities: [
        { param: -3, low: 1, high: 1, unit_keys: [] },
        { param: 3, low: 0.1, high: 0.3, unit_keys: [7n, 8n] },
      ],
      strings: rows.strings,
    });
  });

  test('are replaced by an update and gone after a delete, also when one flush does it all', async () => {
    const id = randomUUID();
    await write(first(), put(id, { rows }));
    const fewer = { ...NONE, keys: [5], strings: [{ param: 4, folded: 'x', exact: 'X' }] };
    await Promise.all([write(first(), put(id, { rows, n: 1 })), write(first(), put(id, { rows: fewer, n: 2 }))]);
    expect(await stored(id)).toMatchObject({ keys: [5], dates: [], numbers: [], quantities: [], strings: fewer.strings });
    await write(first(), { kind: 'delete', type: 'Basic', id });
    expect(await stored(id)).toEqual({ keys: [], deleted: true, dates: [], numbers: [], quantities: [], strings: [] });
  });

  test('keep the row number of a resource for its whole life', async () => {
    const id = randomUUID();
    const rid = async () =>
      (await database.rows<{ rid: bigint }>({ text: 'SELECT rid FROM resource WHERE id = $1' }, [id]))[0]?.rid;
    await write(first(), put(id));
    const before = await rid();
    await write(first(), { kind: 'delete', type: 'Basic', id });
    await write(second(), put(id));
    expect(await rid()).toBe(before);
  });
});

describe('units that share a flush', () => {
  test('are not hurt by one that the database refuses', async () => {
    const bad = { ...NONE, strings: [{ param: 1, folded: 'nul \0 here', exact: '' }] };
    const ids = Array.from({ length: 5 }, () => randomUUID());
    const results = await Promise.allSettled(ids.map((id, n) => write(first(), put(id, n === 2 ? { rows: bad } : {}))));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect(await versionsOf(ids[2]!)).toEqual([]);
    expect(await versionsOf(ids[3]!)).toEqual([1]);
  });

  test('are as many as the limits allow, the others follow', async () => {
    const small = new PostgresChangeStore(databases[0]!, indexRows, new LocalWakeUps(), {
      maxUnits: 3,
      maxBytes: 200,
      flushes: 2,
    });
    const ids = Array.from({ length: 20 }, () => randomUUID());
    await Promise.all(ids.map((id, n) => write(small, put(id, { text: 'x'.repeat(n * 30) }))));
    for (const id of ids) expect(await versionsOf(id)).toEqual([1]);
  });

  test('wake the next stage once their commit is done, and not when nothing was written', async () => {
    const wakeUps = new LocalWakeUps();
    const store = new PostgresChangeStore(databases[0]!, indexRows, wakeUps);
    let woken = 0;
    wakeUps.on('changes', () => (woken += 1));
    const id = randomUUID();
    await write(store, put(id));
    expect(woken).toBe(1);
    await write(store, put(id));
    await write(store, { kind: 'delete', type: 'Basic', id: randomUUID() });
    expect(woken).toBe(1);
  });
});

describe('a watermark', () => {
  const watermark = (endpointId: string, seen: string[]) => ({ endpointId, since: new Date('2026-01-01T00:00:00Z'), seen });
  const stored = (endpointId: string) =>
    database.rows({ text: 'SELECT since, seen FROM source_watermark WHERE endpoint_id = $1' }, [endpointId]);

  test('moves with the writes of its unit, and without any', async () => {
    await first().write({ face: 'r4b', writes: [put(randomUUID())], watermark: watermark('a', ['x']) });
    expect(await stored('a')).toEqual([{ since: new Date('2026-01-01T00:00:00Z'), seen: ['x'] }]);
    await first().write({ face: 'r4b', writes: [], watermark: watermark('a', []) });
    expect(await stored('a')).toEqual([{ since: new Date('2026-01-01T00:00:00Z'), seen: [] }]);
  });

  test('stays where the unit is refused', async () => {
    const refused = first().write({
      face: 'r4b',
      writes: [put(randomUUID(), {}, { ifMatch: 4 })],
      watermark: watermark('b', ['x']),
    });
    await expect(refused).rejects.toBeInstanceOf(FhirError);
    expect(await stored('b')).toEqual([]);
  });
});

describe('a database that is away', () => {
  test('is told as 503 with Retry-After, and writing goes on once it is back', async () => {
    const own = await cloneDatabase();
    const away = new Database(own.url, 2, () => undefined);
    const store = new PostgresChangeStore(away, indexRows, new LocalWakeUps());
    await write(store, put('a'));
    await administer(`ALTER DATABASE ${own.name} ALLOW_CONNECTIONS false`);
    await administer(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${own.name}'`);
    const error = await write(store, put('b')).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ status: 503, headers: { 'Retry-After': '1' } });
    await administer(`ALTER DATABASE ${own.name} ALLOW_CONNECTIONS true`);
    let outcome;
    for (let n = 0; outcome === undefined && n < 5; n += 1) outcome = await write(store, put('b')).catch(() => undefined);
    expect(outcome?.[0]?.kind).toBe('stored');
    await away.close();
    await own.drop();
  });
});
