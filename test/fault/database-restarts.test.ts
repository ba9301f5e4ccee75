import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { processesIn } from '../../src/storage/postgres/processes.js';
import { killAll } from '../support/kill-all.js';
import { newFolder } from '../support/run-folder.js';
import { waitFor } from '../support/wait-for.js';
import { faultTest, type FaultRun } from './harness/fault-run.js';
import { CODE_SYSTEM, CODES, codeOf, type LoadWriter } from './harness/load-writer.js';
import { OwnServer } from './harness/own-server.js';
import { more } from './harness/progress.js';
import { byLength } from './harness/run-length.js';

let server: OwnServer;

beforeAll(async () => {
  server = await OwnServer.start({ max_connections: '60' });
}, 180_000);
afterAll(async () => {
  await server?.stop();
});

/** Two hubs on a database of the own server, writers on both. */
async function underLoad(run: FaultRun, name: string): Promise<LoadWriter> {
  const database = await server.database(name);
  await run.hubs({ hubs: 2, each: () => ({ database }), env: { DELIVERY_BACKOFF_MILLISECONDS: '200' } });
  return subscribedAndWriting(run);
}

/** A subscription for each code, and writers. */
async function subscribedAndWriting(run: FaultRun): Promise<LoadWriter> {
  for (const code of CODES) {
    await run.subscribe(code, {
      filters: [`Observation?code=${CODE_SYSTEM}|${code}`],
      concerns: (version) => codeOf(version) === code,
      maxCount: code === 'red' ? 10 : undefined,
    });
  }
  return run.write({ perSecond: byLength(80, 200), connections: 6 });
}

async function expectAllWell(run: FaultRun, writer: LoadWriter, pids: readonly number[]): Promise<void> {
  await writer.stop();
  const verdict = await run.settle({ milliseconds: 60_000 });
  console.log(verdict.summary);
  expect(verdict.faults).toEqual([]);
  expect(verdict.answered).toBeGreaterThan(0);
  // A process that had ended would be another by now, or none.
  expect(run.cluster.places.map(({ hub }) => hub.pid)).toEqual(pids);
  for (const pid of pids) process.kill(pid, 0);
}

const pidsOf = (run: FaultRun) => run.cluster.places.map(({ hub }) => hub.pid);

faultTest(
  'PostgreSQL shut down fast, at once, and killed, under load: no hub ends, every answered write is notified, in order',
  async (run) => {
    const writer = await underLoad(run, 'restarted');
    const pids = pidsOf(run);
    for (let round = 0; round < byLength(1, 5); round += 1) {
      for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
        await more(writer, byLength(25, 100));
        await run.disturbed(() => server.restart(signal));
        await more(writer, byLength(25, 100));
      }
    }
    await expectAllWell(run, writer, pids);
  },
  byLength(240_000, 600_000),
);

faultTest(
  'the embedded PostgreSQL killed under load: the hub starts it again, and every answered write is notified, in order',
  async (run) => {
    const dataDir = newFolder('data');
    await run.hubs({
      hubs: 1,
      each: () => ({ database: 'own', dataDir }),
      env: { DELIVERY_BACKOFF_MILLISECONDS: '200' },
    });
    const writer = await subscribedAndWriting(run);
    const pids = pidsOf(run);
    for (let round = 0; round < byLength(2, 10); round += 1) {
      await more(writer, byLength(25, 100));
      await run.disturbed(async () => {
        // The postmaster alone, or all of them at one moment, as when the machine has no memory left.
        const all = processesIn(realpathSync(join(dataDir, 'postgres')));
        const postmaster = Number(readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0]);
        killAll(round % 2 === 0 ? [postmaster] : all);
        await more(writer, byLength(25, 100));
      });
    }
    await expectAllWell(run, writer, pids);
  },
);

faultTest(
  'connections ended by the server again and again, then none to be had: nothing is lost',
  async (run) => {
    const writer = await underLoad(run, 'terminated');
    const pids = pidsOf(run);
    const admin = await server.connect('postgres');
    run.onClose(() => admin.end());
    for (let round = 0; round < byLength(16, 300); round += 1) {
      const { rowCount } = await run.disturbed(() =>
        admin.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'terminated' AND application_name LIKE 'carillon%'
           ORDER BY random() LIMIT 3`,
        ),
      );
      expect(rowCount).toBeGreaterThan(0);
      await more(writer, 8);
    }

    // Idle connections of somebody else take every place, and those of the hubs are ended: they cannot come back.
    const idle: Awaited<ReturnType<OwnServer['connect']>>[] = [];
    run.onClose(() => Promise.all(idle.map((client) => client.end())));
    await run.disturbed(async () => {
      await waitFor(
        async () => {
          await admin.query(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'terminated' AND application_name LIKE 'carillon%'`,
          );
          return server.connect('postgres').then(
            (client) => void idle.push(client),
            (error: { code?: string }) => error.code === '53300',
          );
        },
        { milliseconds: 60_000, stepMilliseconds: 1, what: 'every connection to be taken' },
      );
      const refused = () => run.cluster.places.every(({ hub }) => hub.output().includes('53300'));
      await waitFor(refused, { milliseconds: 60_000, what: 'the hubs to be refused' });
    });
    await run.disturbed(() => Promise.all(idle.splice(0).map((client) => client.end())));
    await more(writer, byLength(50, 200));
    await expectAllWell(run, writer, pids);
  },
  byLength(240_000, 600_000),
);
