import { expect } from '@jest/globals';
import pg from 'pg';
import { waitFor } from '../support/wait-for.js';
import { proxyToDatabase } from './harness/database-proxy.js';
import { PASS } from './harness/fault-proxy.js';
import { CHANGED_TOPIC, faultTest, type FaultRun } from './harness/fault-run.js';
import type { HubPlace } from './harness/hub-cluster.js';
import { CODE_SYSTEM, CODES, codeOf } from './harness/load-writer.js';
import { byLength } from './harness/run-length.js';

/** The shortest lease that may be set, for the test's sake. */
const LEASE_SECONDS = 35;
/** After the lease others may take so long; it is a second or two on a machine that is not busy. */
const TAKE_OVER_SECONDS = 20;

async function withDatabase<T>(run: FaultRun, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(run.database.url);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** How many shards each place holds, as the database has it. */
function shardsOf(run: FaultRun): Promise<Map<HubPlace, number>> {
  return withDatabase(run, async (client) => {
    const { rows } = await client.query<{ leased_by: string | null; count: number }>(
      'SELECT leased_by, count(*)::integer AS count FROM delivery_shard GROUP BY leased_by',
    );
    const count = ({ hub }: HubPlace) =>
      rows.filter(({ leased_by }) => leased_by?.split('/')[1] === String(hub.pid)).reduce((sum, row) => sum + row.count, 0);
    return new Map(run.cluster.places.map((place) => [place, count(place)]));
  });
}

/** The hub that matches. */
async function matcherOf(run: FaultRun): Promise<HubPlace> {
  const matching = await withDatabase(run, (client) =>
    client.query<{ leased_by: string }>('SELECT leased_by FROM matching_position WHERE leased_by IS NOT NULL ORDER BY partition'),
  );
  const pid = matching.rows[0]?.leased_by.split('/')[1];
  return run.cluster.places.find(({ hub }) => String(hub.pid) === pid)!;
}

faultTest(
  'a process that stands still, or is cut off from PostgreSQL, longer than its leases: the others take all of its work over, and what it does on waking counts for nothing',
  async (run) => {
    const ways = await Promise.all([1, 2, 3].map(() => proxyToDatabase(run.database)));
    ways.forEach(({ proxy }) => run.onClose(() => proxy.close()));
    await run.hubs({
      env: { DELIVERY_LEASE_SECONDS: String(LEASE_SECONDS) },
      each: (index) => ({ database: ways[index]!.database }),
    });
    for (const code of CODES) {
      for (const n of [1, 2, 3])
        await run.subscribe(`${code}-${n}`, {
          filters: [`Observation?code=${CODE_SYSTEM}|${code}`],
          concerns: (version) => codeOf(version) === code,
        });
    }
    await run.subscribe('all', { topic: CHANGED_TOPIC, maxCount: 10, concerns: () => true });
    await waitFor(async () => [...(await shardsOf(run)).values()].every((count) => count > 15), {
      milliseconds: 60_000,
      what: 'the shards to be shared out',
    });
    for (let round = 0; round < byLength(1, 6); round += 1) {
      const frozen = await matcherOf(run);
      // Every endpoint keeps some answers back, so that attempts are under way when it is stopped.
      for (const code of CODES) run.sink.answer(`${code}-1`, { kind: 'status', status: 200, afterMilliseconds: 200 });
      const writer = run.write({ perSecond: 30, patienceMilliseconds: 2_000 });
      await waitFor(() => writer.answered >= 50, { milliseconds: 60_000, what: 'writes' });
      const { proxy } = ways[run.cluster.places.indexOf(frozen)]!;
      // In the long form every second time it goes on, alone with itself.
      const said = frozen.hub.output().length;
      frozen.isCutOff = round % 2 === 1;
      if (frozen.isCutOff) await run.disturbed(() => proxy.set({ kind: 'black-hole' }));
      else await frozen.freeze();
      for (const code of CODES) run.sink.answer(`${code}-1`, 200);
      const others = run.cluster.places.filter((place) => place !== frozen);

      // Its shards are nobody's until the lease is over; then all of them are served by the others.
      await waitFor(
        async () => {
          const held = await shardsOf(run);
          return others.reduce((sum, place) => sum + held.get(place)!, 0) === 64;
        },
        {
          milliseconds: (LEASE_SECONDS + TAKE_OVER_SECONDS) * 1000,
          stepMilliseconds: 250,
          what: 'the others to hold all shards',
        },
      );
      await writer.stop();
      const whileFrozen = await run.settle();
      expect(whileFrozen.faults).toEqual([]);

      const before = await shardsOf(run);
      expect(before.get(frozen)).toBe(0);
      const more = run.write({ perSecond: 30 });
      if (frozen.isCutOff) await run.disturbed(() => proxy.set(PASS));
      else await frozen.thaw();
      frozen.isCutOff = false;
      await waitFor(() => /shards-lost/.test(frozen.hub.output().slice(said)), {
        what: 'the one that woke to see that its leases are gone',
      });
      await waitFor(async () => [...(await shardsOf(run)).values()].every((count) => count > 15), {
        milliseconds: 60_000,
        what: 'the one that woke to get a share again',
      });
      await more.stop();
      const verdict = await run.settle();
      expect(verdict.faults).toEqual([]);
    }
  },
  byLength(600_000, 1_800_000),
);
