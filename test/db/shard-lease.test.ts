import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import pg from 'pg';
import type { Database } from '../../src/storage/database.js';
import { PostgresEventLedger } from '../../src/storage/event-ledger.js';
import { HubPresence } from '../../src/storage/hub-presence.js';
import { PostgresRetention } from '../../src/storage/retention.js';
import { PostgresShardLeases } from '../../src/storage/shard-leases.js';
import { PostgresSourceStore } from '../../src/storage/source-store.js';
import { PostgresWebsocketTokens } from '../../src/storage/websocket-tokens.js';
import { type OpenClone, openClone } from '../support/open-clone.js';
import { waitFor } from '../support/wait-for.js';

let clone: OpenClone;
let database: Database;
let leases: PostgresShardLeases;
const present: HubPresence[] = [];

beforeAll(async () => {
  clone = await openClone(8);
  database = clone.database;
  leases = new PostgresShardLeases(database);
});
afterAll(async () => {
  for (const presence of present.splice(0)) await presence.stop();
  await clone?.drop();
});
beforeEach(async () => {
  for (const presence of present.splice(0)) await presence.stop();
  await database.run({ text: `UPDATE delivery_shard SET leased_by = NULL, token = NULL, lease_ends = '-infinity'` });
});

async function hub(): Promise<HubPresence> {
  const presence = new HubPresence(clone.url);
  await presence.start();
  present.push(presence);
  return presence;
}

test('one process alone takes all shards, several that come at once no shard twice', async () => {
  const alone = await hub();
  const { taken, share } = await leases.take(alone.name, 60, 0);
  expect([taken.length, share]).toEqual([64, 64]);
  await leases.release(taken);
  const hubs = await Promise.all([hub(), hub(), hub()]);
  const all = (await Promise.all(hubs.map(({ name }) => leases.take(name, 60, 0)))).flatMap((one) => one.taken);
  expect(new Set(all.map(({ shard }) => shard)).size).toBe(all.length);
  expect(all.length).toBeLessThanOrEqual(64);
});

test('a process that is present keeps its shards until the lease runs out; one that is gone loses them at once', async () => {
  const [one, two] = [await hub(), await hub()];
  const mine = (await leases.take(one.name, 60, 0)).taken;
  expect(mine).toHaveLength(32);
  expect((await leases.take(two.name, 60, 0)).taken).toHaveLength(32);
  expect((await leases.take(two.name, 60, 32)).taken).toEqual([]);
  await one.stop();
  const after = await waitFor(async () => {
    const { taken } = await leases.take(two.name, 60, 32);
    return taken.length > 0 && taken;
  });
  expect(after.map(({ shard }) => shard).sort()).toEqual(mine.map(({ shard }) => shard).sort());
  expect(await leases.renew(mine, 60)).toEqual([]);
});

test('a cut connection is opened again under the same name', async () => {
  const one = await hub();
  const backends = async () => {
    const text = `SELECT pid FROM pg_stat_activity WHERE application_name = $1`;
    return (await database.rows<{ pid: number }>({ text }, [one.name])).map(({ pid }) => pid);
  };
  const [first] = await backends();
  expect(first).toBeDefined();
  await database.run({ text: `SELECT pg_terminate_backend($1)` }, [first]);
  await waitFor(async () => (await backends()).some((pid) => pid !== first), { what: 'the new connection' });
});

test('who takes a shard waits for what its last owner is just writing', async () => {
  const writer = new pg.Client({ connectionString: clone.url });
  await writer.connect();
  try {
    await writer.query('BEGIN');
    await writer.query('SELECT 1 FROM delivery_shard WHERE shard = 0 FOR SHARE');
    const one = await hub();
    const { taken } = await leases.take(one.name, 60, 0);
    expect(taken.map(({ shard }) => shard)).not.toContain(0);
    await writer.query('COMMIT');
    expect((await leases.take(one.name, 60, 63)).taken.map(({ shard }) => shard)).toEqual([0]);
  } finally {
    await writer.end();
  }
});

test('a token is not stored as it is', async () => {
  const { token } = await new PostgresWebsocketTokens(database).issue(['a', 'b'], 30);
  const [row] = await database.rows<{ token_hash: Buffer }>({ text: 'SELECT token_hash FROM websocket_token' });
  expect(row!.token_hash.includes(token)).toBe(false);
});

test('upkeep keeps the newest batch, makes partitions ahead, drops old days, and may run twice at once', async () => {
  const retention = new PostgresRetention(database);
  await database.run({
    text: `INSERT INTO match_batch (batch, at, group_ids, subscription_ids)
           SELECT n, now() - interval '2 hours', '{}', '{}' FROM generate_series(1, 5) AS n`,
  });
  expect(await retention.dropMatchBatches(60)).toBe(4);
  await database.run({
    text: `CREATE TABLE attempt_2020_01_01 PARTITION OF attempt FOR VALUES FROM ('2020-01-01 00:00Z') TO ('2020-01-02 00:00Z')`,
  });
  await Promise.all([retention.dropAttempts(7), retention.dropAttempts(7)]);
  const partitions = (
    await database.rows<{ relname: string }>({
      text: `SELECT relname FROM pg_class JOIN pg_inherits ON oid = inhrelid WHERE inhparent = 'attempt'::regclass`,
    })
  ).map(({ relname }) => relname);
  expect(partitions).not.toContain('attempt_2020_01_01');
  expect(partitions).toHaveLength(4);
});

test('the right to match and the right to poll a source pass on at once when their holder is gone, not while it is there', async () => {
  const [one, two] = [await hub(), await hub()];
  const ledger = new PostgresEventLedger(database);
  const sources = new PostgresSourceStore(database);
  const endpoint = { id: 'lab', version: 1, fingerprint: 'same' };
  const { held } = await ledger.lease(one.name, 60);
  expect((await sources.lease(endpoint, one.name, 60)).kind).toBe('leased');
  expect(await ledger.lease(two.name, 60)).toEqual({ processes: 2, held: [] });
  expect((await sources.lease(endpoint, two.name, 60)).kind).toBe('wait');
  await one.stop();
  const passedOn = await waitFor(async () => {
    const share = await ledger.lease(two.name, 60);
    return share.processes === 1 && share.held;
  });
  expect(passedOn).toHaveLength(held.length);
  expect(passedOn.map(({ token }) => token)).not.toContain(held[0]!.token);
  expect((await sources.lease(endpoint, two.name, 60)).kind).toBe('leased');
  await ledger.release(two.name);
});
