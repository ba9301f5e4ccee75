import { afterAll, beforeAll, expect } from '@jest/globals';
import type pg from 'pg';
import { waitFor } from '../support/wait-for.js';
import { faultTest, type FaultRun } from './harness/fault-run.js';
import { CODE_SYSTEM, CODES, codeOf } from './harness/load-writer.js';
import { OwnServer } from './harness/own-server.js';
import { arrived, more, untilServed } from './harness/progress.js';
import { byLength } from './harness/run-length.js';

let server: OwnServer;

beforeAll(async () => {
  server = await OwnServer.start();
}, 180_000);
afterAll(async () => {
  await server?.stop();
});

const CODE_OF = new Map<string, string>();

/** One hub on the own server, `each` subscriptions for every code. */
async function given(run: FaultRun, name: string, each: number): Promise<void> {
  const database = await server.database(name);
  CODE_OF.clear();
  await run.hubs({ hubs: 1, each: () => ({ database }) });
  for (const code of CODES) {
    for (let n = 1; n <= each; n += 1) {
      CODE_OF.set(`${code}-${n}`, code);
      await run.subscribe(`${code}-${n}`, {
        filters: [`Observation?code=${CODE_SYSTEM}|${code}`],
        concerns: (version) => codeOf(version) === code,
      });
    }
  }
}

async function writeSome(run: FaultRun, count: number, perSecond?: number): Promise<void> {
  const writer = run.write({ connections: 4, perSecond });
  await more(writer, count);
  await writer.stop();
}

const total = (run: FaultRun) => [...CODE_OF.keys()].reduce((sum, name) => sum + arrived(run, name), 0);

/** Which process of PostgreSQL holds the log back, as the hub's metrics say. */
async function horizonPid(run: FaultRun): Promise<number> {
  const text = await (await fetch(`${run.cluster.places[0]!.hub.url}/metrics`)).text();
  return Number(/^carillon_log_horizon_blocking_pid (\d+)/m.exec(text)?.[1]);
}

faultTest(
  'a long transaction that reads delays nothing; one that may write, in any database, delays and loses nothing',
  async (run) => {
    await given(run, 'held', 1);
    await writeSome(run, 30);
    await untilServed(run, CODE_OF);

    const reader = await server.connect('held');
    run.onClose(() => reader.end());
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await reader.query('SELECT count(*) FROM resource_version');
    await writeSome(run, 40);
    await untilServed(run, CODE_OF);
    await reader.query('COMMIT');

    for (const place of ['held', 'postgres']) {
      const holder = await server.connect(place);
      run.onClose(() => holder.end());
      const { rows } = await holder.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      await holder.query('BEGIN');
      await holder.query('SELECT pg_current_xact_id()');
      const before = total(run);
      await writeSome(run, byLength(40, 1000));
      // Held back, all of it: it might have been written by a transaction that this one will turn out to precede.
      expect(total(run)).toBe(before);
      // The metrics look every some seconds; one in the hub's own database is waited for in test/e2e/metrics.test.ts.
      if (place !== 'held')
        await waitFor(async () => (await horizonPid(run)) === rows[0]!.pid, {
          stepMilliseconds: 200,
          what: `the metrics to name process ${rows[0]!.pid}`,
        });
      await holder.query('ROLLBACK');
      await untilServed(run, CODE_OF);
      expect(total(run)).toBeGreaterThan(before);
    }
    const verdict = await run.settle();
    console.log(verdict.summary);
    expect(verdict.faults).toEqual([]);
  },
);

faultTest(
  'a snapshot held open while notifications flow: cursors stay few pages, and their space is used again',
  async (run) => {
    await given(run, 'snapshot', byLength(5, 250));
    const count = byLength(150, 20_000);
    await writeSome(run, 50);
    await untilServed(run, CODE_OF);
    const observer = await server.connect('snapshot');
    run.onClose(() => observer.end());
    const start = await cursorTable(observer);

    const reader = await server.connect('snapshot');
    run.onClose(() => reader.end());
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await reader.query('SELECT count(*) FROM subscription_cursor');
    await writeSome(run, count);
    await untilServed(run, CODE_OF);
    const held = await cursorTable(observer);
    await reader.query('COMMIT');

    await writeSome(run, count);
    await untilServed(run, CODE_OF);
    const released = await cursorTable(observer);
    const deliveries = total(run);
    console.log(
      `cursor table: ${start.bytes} bytes, ${held.bytes} while held, ${released.bytes} after as much again; ${deliveries} events`,
    );
    // Acknowledgements of one subscription are written together, and a row is some 200 bytes with its room to grow.
    expect(held.updates - start.updates).toBeLessThanOrEqual(deliveries);
    expect(held.bytes - start.bytes).toBeLessThanOrEqual(400 * (held.updates - start.updates) + 64 * 1024);
    expect(held.bytes).toBeLessThan(64 * 1024 * 1024);
    // Dead rows are pruned where they lie as soon as nobody can see them: as much again takes no more room.
    expect(released.bytes - held.bytes).toBeLessThanOrEqual((held.bytes - start.bytes) / 2 + 64 * 1024);
    const verdict = await run.settle();
    expect(verdict.faults).toEqual([]);
  },
  byLength(240_000, 900_000),
);

/** Size of the table of cursors, and how often a row of it was changed. */
async function cursorTable(client: pg.Client): Promise<{ bytes: number; updates: number }> {
  const { rows } = await client.query<{ bytes: string; updates: string }>(
    `SELECT pg_relation_size('subscription_cursor') AS bytes, n_tup_upd AS updates
     FROM pg_stat_user_tables, pg_stat_force_next_flush() WHERE relname = 'subscription_cursor'`,
  );
  return { bytes: Number(rows[0]!.bytes), updates: Number(rows[0]!.updates) };
}
