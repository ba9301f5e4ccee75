import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { SOURCE_POLL } from '../../../src/sources/source-definition.js';
import { SourcesWorker } from '../../../src/sources/sources.worker.js';
import { SILENT_LOG } from '../../../src/telemetry/log.js';
import { MemorySourceStore } from '../../support/twins/memory-source-store.js';
import { ADDRESS, RecordingIntake, ScriptedSource } from './scripted-source.js';

let store: MemorySourceStore;
let server: ScriptedSource;
let intake: RecordingIntake;
let workers: SourcesWorker[];
let changed: () => void;

beforeEach(() => {
  store = new MemorySourceStore();
  server = new ScriptedSource();
  intake = new RecordingIntake();
  workers = [];
  changed = () => {};
});

afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.stop()));
});

function worker(): SourcesWorker {
  const parts = { client: server, intake, ownBases: [], limits: { pages: 100, bytes: 2 ** 20, unitWrites: 10 } };
  const settings = { followMilliseconds: 20, restMilliseconds: 1, leaseSeconds: 30 };
  const made = new SourcesWorker(
    store,
    `process ${workers.length}`,
    parts,
    SILENT_LOG,
    (listener) => ((changed = listener), () => {}),
    settings,
    () => 0,
  );
  workers.push(made);
  return made;
}

function endpoint(idPrefix = 'lab-', status = 'active'): Record<string, unknown> {
  const parts = [
    { url: 'mode', valueCode: 'history' },
    { url: 'idPrefix', valueString: idPrefix },
    { url: 'intervalSeconds', valuePositiveInt: 1 },
  ];
  return { resourceType: 'Endpoint', status, address: ADDRESS, extension: [{ url: SOURCE_POLL, extension: parts }] };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}

test('polls an active Endpoint, again when it changes, and no longer once it is off', async () => {
  server.commit('Patient', '1', { language: 'a' });
  store.put('lab', 1, endpoint());
  worker().start();
  await until(() => intake.story.length === 1);
  server.commit('Patient', '2', { language: 'b' });
  store.put('lab', 2, endpoint());
  changed();
  await until(() => intake.story.length === 2);
  store.put('lab', 3, endpoint('lab-', 'off'));
  const reads = store.reads;
  await until(() => store.reads >= reads + 2 && store.rows.get('lab')?.leaseEnds === 0);
  const asked = server.asked.length;
  // Due by the clock, and the Endpoints were read again and again.
  store.now += 60_000;
  await until(() => store.reads >= reads + 8);
  expect(server.asked).toHaveLength(asked);
  expect(intake.story).toEqual(['Patient/lab-1 a', 'Patient/lab-2 b']);
});

test('two processes poll a source once', async () => {
  server.commit('Patient', '1', { language: 'a' });
  store.put('lab', 1, endpoint());
  worker().start();
  worker().start();
  await until(() => intake.story.length === 1 && store.rows.get('lab')?.leaseEnds === 0);
  expect(server.asked).toHaveLength(1);
});

test('another prefix reads the source again from its beginning', async () => {
  server.commit('Patient', '1', { language: 'a' });
  store.put('lab', 1, endpoint());
  worker().start();
  await until(() => intake.story.length === 1);
  store.put('lab', 2, endpoint('ward-'));
  await until(() => intake.story.length === 2);
  expect(intake.story[1]).toBe('Patient/ward-1 a');
});

test('a failure is kept where the operator finds it, is waited out longer each time, and cleared by the next success', async () => {
  server.commit('Patient', '1', { language: 'a' });
  server.interfere = (page) => (page < 2 ? { status: 503, headers: { 'retry-after': '1' } } : undefined);
  store.put('lab', 1, endpoint());
  worker().start();
  await until(() => store.rows.get('lab')?.failures === 1);
  const row = store.rows.get('lab')!;
  expect(row.lastError).toContain('503');
  expect(row.nextPoll - store.now).toBe(1_000);
  store.put('lab', 1, endpoint());
  store.now += 1_000;
  await until(() => row.failures === 2 || store.rows.get('lab')!.failures === 2);
  store.now += 1_000;
  await until(() => intake.story.length === 1 && store.rows.get('lab')!.leaseEnds === 0);
  expect(store.rows.get('lab')).toMatchObject({ failures: 0, lastError: null });
});

test('start and stop may be called twice, and a stop ends a poll under way without a failure', async () => {
  const held = worker();
  store.put('lab', 1, endpoint());
  server.interfere = () => void held.stop();
  held.start();
  held.start();
  await until(() => server.asked.length === 1);
  await held.stop();
  expect(store.rows.get('lab')).toMatchObject({ failures: 0, leaseEnds: 0 });
});
