import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { DEFAULT_MATCHING, MatchingWorker } from '../../src/matching/matching.worker.js';
import { PostgresChangeLog } from '../../src/storage/change-log.js';
import { PostgresChangeStore } from '../../src/storage/change-store.js';
import type { Database } from '../../src/storage/database.js';
import { PostgresEventLedger } from '../../src/storage/event-ledger.js';
import { PostgresFailingGroups } from '../../src/storage/failing-groups.js';
import { PostgresLinkedResources } from '../../src/storage/linked-resources.js';
import { ChangeStoreStatusWriter } from '../../src/storage/status-writer.js';
import { LinkedResources, type LinkQuestion, type LinkVerdict } from '../../src/subscriptions/linked-resources.js';
import { SILENT_LOG } from '../../src/telemetry/log.js';
import { LocalWakeUps } from '../../src/wake-ups/wake-ups.js';
import { type OpenClone, openClone } from '../support/open-clone.js';
import { givenEvents } from '../support/given-events.js';
import { SEMANTICS } from '../support/semantics.js';
import { waitFor } from '../support/wait-for.js';

let clone: OpenClone;
let database: Database;
let store: PostgresChangeStore;
let worker: MatchingWorker | undefined;
const wakeUps = new LocalWakeUps();

beforeEach(async () => {
  clone = await openClone(8);
  database = clone.database;
  store = new PostgresChangeStore(
    database,
    ({ type, id, value }, lastUpdated) => SEMANTICS.indexRows(SEMANTICS.extract(type, value, { id, lastUpdated })),
    wakeUps,
  );
});

afterEach(async () => {
  await worker?.stop();
  await clone.drop();
});

function start(linked: LinkedResources): void {
  worker = new MatchingWorker(
    new PostgresChangeLog(database),
    new PostgresEventLedger(database),
    wakeUps,
    SEMANTICS,
    SILENT_LOG,
    { ...DEFAULT_MATCHING, process: 'one' },
    undefined,
    { linked, failing: new PostgresFailingGroups(database, new ChangeStoreStatusWriter(store)) },
  );
  worker.start();
}

const put = (resource: { resourceType: string; id: string; [element: string]: unknown }) => {
  const { resourceType: type, id } = resource;
  const text = JSON.stringify(resource);
  return store.write({
    face: 'r4b',
    writes: [{ kind: 'put', method: 'PUT', resource: { type, id, text, value: resource } }],
  });
};
const subscription = (id: string, criteria: string, status = 'active') => ({
  resourceType: 'Subscription',
  id,
  status,
  criteria,
  channel: { type: 'rest-hook', endpoint: 'http://127.0.0.1:9/' },
});
const observation = (id: string) => ({ resourceType: 'Observation', id, status: 'final', subject: { reference: 'Patient/p' } });
const patient = (gender: string) => ({ resourceType: 'Patient', id: 'p', gender });

async function stored(id: string): Promise<{ status: string; error?: string }> {
  const [row] = await database.rows<{ body: string }>(
    {
      text: `SELECT v.body FROM resource r JOIN resource_version v USING (type, id, version)
             WHERE r.type = 'Subscription' AND r.id = $1`,
    },
    [id],
  );
  return JSON.parse(row!.body) as { status: string };
}

const count = async (id: string) => (await givenEvents(database, id)).length;

/** Fails, or cannot decide, as long as it is told to. */
class Flawed extends LinkedResources {
  mode: 'sound' | 'failing' | 'undecided' = 'sound';
  failed = 0;
  asked = 0;
  private readonly sound = new PostgresLinkedResources(database, SEMANTICS);

  async hold(questions: readonly LinkQuestion[]): Promise<readonly LinkVerdict[]> {
    this.asked++;
    if (this.mode === 'sound') return this.sound.hold(questions);
    this.failed++;
    if (this.mode === 'failing') throw new Error('The database is away');
    return questions.map(() => 'undecided' as const);
  }
}

test('what cannot be decided switches its Subscriptions off, with the reason; the others go on', async () => {
  const linked = new Flawed();
  start(linked);
  await put(patient('male'));
  await put(subscription('by-link', 'Observation?patient.gender=male'));
  await put(subscription('the-same', 'Observation?patient.gender=male'));
  await put(subscription('plain', 'Observation?status=final'));
  await put(observation('o1'));
  await waitFor(async () => (await count('by-link')) === 1 && (await count('plain')) === 1);
  linked.mode = 'undecided';
  await put(observation('o2'));
  await waitFor(async () => (await count('plain')) === 2);
  for (const id of ['by-link', 'the-same']) {
    expect(await stored(id)).toMatchObject({ status: 'off', error: expect.stringContaining('not be tested in time') });
    expect(await count(id)).toBe(1);
  }
  expect(await stored('plain')).toMatchObject({ status: 'active' });
  linked.mode = 'sound';
  await put(subscription('by-link', 'Observation?patient.gender=male'));
  await put(observation('o3'));
  await waitFor(async () => (await count('by-link')) === 2 && (await count('plain')) === 3);
  expect(await count('the-same')).toBe(1);
});

test('where links cannot be asked the slice waits, and nothing is lost or numbered twice', async () => {
  const linked = new Flawed();
  start(linked);
  await put(patient('male'));
  await put(subscription('by-link', 'Observation?patient.gender=male'));
  await put(subscription('other', 'Observation?patient.gender=female'));
  linked.mode = 'failing';
  await put(observation('o1'));
  await put(subscription('later', 'Observation?patient.gender=male'));
  await put(observation('o2'));
  await waitFor(() => Promise.resolve(linked.failed > 1));
  expect(await count('by-link')).toBe(0);
  linked.mode = 'sound';
  await waitFor(async () => (await count('by-link')) === 2 && (await count('later')) === 1);
  expect(await count('other')).toBe(0);
});

test('nobody is asked about changes that no link concerns', async () => {
  const linked = new Flawed();
  start(linked);
  await put(subscription('by-link', 'Observation?status=amended&patient.gender=male'));
  await put(subscription('plain', 'Observation?status=final'));
  await put(observation('o1'));
  await put(patient('male'));
  await waitFor(async () => (await count('plain')) === 1);
  expect(linked.asked).toBe(0);
});
