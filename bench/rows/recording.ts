import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import pg from 'pg';
import { built } from '../built.ts';
import { type Bench, type Figure, latency } from '../figure.ts';
import { waitFor } from '../http-load.ts';
import { type MixedGroup, standingMix } from '../standing-mix.ts';

const TOPIC = readFileSync(new URL('../../topics/laboratory-result.json', import.meta.url), 'utf8');

/** The numbered log on a PostgreSQL as the hub runs it: a change heard by ten thousand, and taking up matching where very many subscribe. */
export const recording: Bench = async ({ quick }) => {
  const { PostgresServer } = await built<typeof import('../../src/storage/postgres/postgres-server.js')>(
    'storage/postgres/postgres-server.js',
  );
  const { migrate } = await built<typeof import('../../src/storage/migrate.js')>('storage/migrate.js');
  const folder = mkdtempSync(join(tmpdir(), 'carillon-bench-'));
  const nothing = (): void => {};
  const listeners = { recovered: nothing, died: nothing, restarted: nothing, restartFailed: nothing };
  const server = await PostgresServer.start({ folder: join(folder, 'postgres') }, listeners);
  const url = server.url('postgres');
  try {
    await migrate(url);
    return [...(await heardByMany(url, 10_000, quick ? 3 : 20)), ...(await takingUp(url, quick ? 20_000 : 1_000_000))];
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
};

/** Commits of one change, in as many groups as have one subscription each, and in one that has as many. */
async function heardByMany(url: string, subscriptions: number, rounds: number): Promise<Figure[]> {
  const { Database } = await built<typeof import('../../src/storage/database.js')>('storage/database.js');
  const { PostgresEventLedger } = await built<typeof import('../../src/storage/event-ledger.js')>('storage/event-ledger.js');
  const database = new Database(url, 4, () => {});
  const ledger = new PostgresEventLedger(database);
  const own = Array.from({ length: subscriptions }, (_, n) => n.toString(16).padStart(32, '0'));
  const shared = 'ff'.repeat(16);
  let { held: leases } = await ledger.lease('bench', 60);
  let seq = 0n;
  const commit = async (events: readonly string[], joins: readonly (readonly [string, string])[] = []): Promise<number> => {
    const position = { epoch: 0, xid: 1n, seq: ++seq };
    const began = performance.now();
    leases = [
      ...(await ledger.commit({
        leases,
        position,
        events: events.map((groupFingerprint) => ({ groupFingerprint, change: position })),
        memberships: joins.map(([subscriptionId, groupFingerprint]) => ({
          ...({ kind: 'join', afterEvent: 0, groupDefinition: '{}' } as const),
          subscriptionId,
          groupFingerprint,
        })),
        subscriptionIds: [],
      })),
    ];
    return performance.now() - began;
  };
  await commit(
    [],
    own.map((group, n) => [`own-${n}`, group]),
  );
  await commit(
    [],
    own.map((_, n) => [`shared-${n}`, shared]),
  );
  const apart: number[] = [];
  const together: number[] = [];
  for (let round = 0; round < rounds; round++) {
    apart.push(await commit(own));
    together.push(await commit([shared]));
  }
  await ledger.release('bench');
  await database.run({
    text: 'TRUNCATE filter_group, group_event, subscription_segment, subscription_cursor, match_batch CASCADE',
  });
  await database.close();
  const count = subscriptions.toLocaleString('en');
  return [
    {
      row: `recording a change heard by ${count} Subscriptions, each with a filter of its own`,
      ran: `one transaction, ${rounds} times`,
      ...latency(apart),
      target: '≤ 250 ms',
    },
    {
      row: `recording a change heard by ${count} Subscriptions with one filter`,
      ran: `one transaction, ${rounds} times`,
      ...latency(together),
      target: '≤ 250 ms',
    },
  ];
}

/** From the lease to the first event, with the index built from what is stored; and the longest time that nobody else had the thread. */
async function takingUp(url: string, subscriptions: number): Promise<Figure[]> {
  const { Database } = await built<typeof import('../../src/storage/database.js')>('storage/database.js');
  const { PostgresEventLedger } = await built<typeof import('../../src/storage/event-ledger.js')>('storage/event-ledger.js');
  const { PostgresChangeLog } = await built<typeof import('../../src/storage/change-log.js')>('storage/change-log.js');
  const { SearchSemantics } = await built<typeof import('../../src/search/search-semantics.js')>('search/search-semantics.js');
  const { SearchDefinitions } =
    await built<typeof import('../../src/search/search-definitions.js')>('search/search-definitions.js');
  const { SILENT_LOG } = await built<typeof import('../../src/telemetry/log.js')>('telemetry/log.js');
  const { LocalWakeUps } = await built<typeof import('../../src/wake-ups/wake-ups.js')>('wake-ups/wake-ups.js');
  const { DEFAULT_MATCHING, MatchingWorker } =
    await built<typeof import('../../src/matching/matching.worker.js')>('matching/matching.worker.js');
  const groups = await fill(url, subscriptions);
  const database = new Database(url, 4, () => {});
  const semantics = new SearchSemantics(SearchDefinitions.load(), []);
  const settings = { ...DEFAULT_MATCHING, process: 'bench' };
  const worker = new MatchingWorker(
    new PostgresChangeLog(database),
    new PostgresEventLedger(database),
    new LocalWakeUps(),
    semantics,
    SILENT_LOG,
    settings,
  );
  const gaps = monitorEventLoopDelay({ resolution: 1 });
  gaps.enable();
  const began = performance.now();
  const cpu = process.cpuUsage();
  worker.start();
  if (!(await waitFor(() => worker.counters !== undefined, 120))) throw new Error('The index was not built in two minutes');
  const seconds = (performance.now() - began) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  gaps.disable();
  const filed = worker.counters?.groups;
  await worker.stop();
  await database.close();
  if (filed !== groups) throw new Error(`${filed} of ${groups} groups are filed`);
  return [
    {
      row: `taking up matching for ${subscriptions.toLocaleString('en')} Subscriptions`,
      ran: `${groups.toLocaleString('en')} filter groups read from the database and filed`,
      value: seconds,
      unit: 's',
      target: '≤ 10 s',
      note: `${((user + system) / 1e6).toFixed(1)} s of this process's CPU; the thread was never held longer than ${Math.round(gaps.max / 1e6)} ms`,
    },
  ];
}

/** Writes groups and segments as matching would have; the number of groups. */
async function fill(url: string, subscriptions: number): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(
    `INSERT INTO resource_version (epoch, xid, type, id, version, interaction, method, face, at, body)
     VALUES (0, '0', 'SubscriptionTopic', 'laboratory-result', 1, 'create', 'PUT', 'r4b', now(), $1)`,
    [TOPIC],
  );
  await client.query(`UPDATE matching_position SET epoch = 0, xid = '0', seq = 1000000`);
  let groups = 0;
  let page: MixedGroup[] = [];
  const write = async () => {
    await client.query(
      `WITH made AS (
         INSERT INTO filter_group (fingerprint, definition)
         SELECT decode(fingerprint, 'hex'), definition FROM unnest($1::text[], $2::text[]) AS g (fingerprint, definition)
         RETURNING group_id, encode(fingerprint, 'hex') AS fingerprint
       )
       INSERT INTO subscription_segment (subscription_id, ordinal, group_id, after_n, first_number)
       SELECT fingerprint || '-' || n, 1, group_id, 0, 1
       FROM made JOIN unnest($1::text[], $3::integer[]) AS g (fingerprint, subscribers) USING (fingerprint)
       CROSS JOIN generate_series(1, subscribers) AS n`,
      [
        page.map(({ fingerprint }) => fingerprint),
        page.map(({ definition }) => definition),
        page.map(({ subscribers }) => subscribers),
      ],
    );
    groups += page.length;
    page = [];
  };
  for (const group of standingMix(subscriptions)) {
    page.push(group);
    if (page.length === 20_000) await write();
  }
  await write();
  await client.query('ANALYZE filter_group, subscription_segment');
  await client.end();
  return groups;
}
