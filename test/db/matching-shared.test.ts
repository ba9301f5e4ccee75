import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { LOG_START, type LogPosition } from '../../src/fhir/change.js';
import type { Write } from '../../src/intake/change-store.js';
import type { EventLedger } from '../../src/matching/event-ledger.js';
import { DEFAULT_MATCHING, MatchingWorker } from '../../src/matching/matching.worker.js';
import { partitionOf } from '../../src/matching/partitions.js';
import { PostgresChangeLog } from '../../src/storage/change-log.js';
import { PostgresChangeStore } from '../../src/storage/change-store.js';
import type { Database } from '../../src/storage/database.js';
import { PostgresEventLedger } from '../../src/storage/event-ledger.js';
import { HubPresence } from '../../src/storage/hub-presence.js';
import { PostgresMatchBatches } from '../../src/storage/match-batches.js';
import { SILENT_LOG } from '../../src/telemetry/log.js';
import { LocalWakeUps } from '../../src/wake-ups/wake-ups.js';
import { type OpenClone, openClone } from '../support/open-clone.js';
import { givenEvents } from '../support/given-events.js';
import { modelEvents } from '../support/matching-model.js';
import { SEMANTICS } from '../support/semantics.js';
import { waitFor } from '../support/wait-for.js';

let clone: OpenClone;
let database: Database;
let store: PostgresChangeStore;
let wakeUps: LocalWakeUps;
let log: PostgresChangeLog;
const hubs = new Set<MatchingHub>();

beforeEach(async () => {
  clone = await openClone(16);
  database = clone.database;
  wakeUps = new LocalWakeUps();
  log = new PostgresChangeLog(database);
  store = new PostgresChangeStore(
    database,
    ({ type, id, value }, lastUpdated) => SEMANTICS.indexRows(SEMANTICS.extract(type, value, { id, lastUpdated })),
    wakeUps,
  );
});

afterEach(async () => {
  await Promise.all([...hubs].map((hub) => hub.stop()));
  await clone.drop();
});

/** A ledger whose process may die or freeze at any call. Dead: nothing gets through, or it does and the answer is lost. */
function mortal(ledger: EventLedger, state: { dead: boolean; frozen: Promise<void> | undefined }): EventLedger {
  return new Proxy(ledger, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function' || name === 'groups') return typeof value === 'function' ? value.bind(target) : value;
      return async (...values: unknown[]) => {
        await state.frozen;
        if (state.dead && (name === 'release' || name === 'lease' || Math.random() < 0.5)) throw new Error('the process died');
        const answer: unknown = await (value as (...all: unknown[]) => Promise<unknown>).apply(target, values);
        if (state.dead) throw new Error('the process died before it heard the answer');
        return answer;
      };
    },
  });
}

class MatchingHub {
  private readonly state: { dead: boolean; frozen: Promise<void> | undefined } = { dead: false, frozen: undefined };
  private readonly worker: MatchingWorker;
  private thaw = () => {};

  private constructor(
    private readonly presence: HubPresence,
    leaseSeconds: number,
  ) {
    const ledger = mortal(new PostgresEventLedger(database), this.state);
    const settings = { ...DEFAULT_MATCHING, batchSize: 20, leaseSeconds, process: presence.name };
    this.worker = new MatchingWorker(log, ledger, wakeUps, SEMANTICS, SILENT_LOG, settings);
    this.worker.start();
    hubs.add(this);
  }

  static async start(leaseSeconds = 1): Promise<MatchingHub> {
    const presence = new HubPresence(clone.url);
    await presence.start();
    return new MatchingHub(presence, leaseSeconds);
  }

  get name(): string {
    return this.presence.name;
  }

  /** As `kill -9` leaves it: nothing is given back. */
  async kill(): Promise<void> {
    this.state.dead = true;
    this.thaw();
    await this.stop();
  }

  freeze(): void {
    if (this.state.frozen === undefined) this.state.frozen = new Promise((resolve) => (this.thaw = resolve));
  }

  wakeUp(): void {
    this.state.frozen = undefined;
    this.thaw();
  }

  async stop(): Promise<void> {
    hubs.delete(this);
    this.wakeUp();
    await this.presence.stop();
    await this.worker.stop();
  }
}

const putOf = (resource: { resourceType: string; id: string; [element: string]: unknown }): Write => {
  const text = JSON.stringify(resource);
  return { kind: 'put', method: 'PUT', resource: { type: resource.resourceType, id: resource.id, text, value: resource } };
};
const put = (resource: Parameters<typeof putOf>[0]) => store.write({ face: 'r4b', writes: [putOf(resource)] });
const remove = (type: string, id: string) => store.write({ face: 'r4b', writes: [{ kind: 'delete', type, id }] });
const observation = (id: string, patient: string, more: object = {}) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { text: 'x' },
  subject: { reference: `Patient/${patient}` },
  ...more,
});
const classic = (id: string, patient: string, more: { final?: boolean; off?: boolean } = {}) => ({
  resourceType: 'Subscription',
  id,
  status: more.off === true ? 'off' : 'active',
  reason: 'test',
  criteria: `Observation?patient=${patient}${more.final === true ? '&status=final' : ''}`,
  channel: { type: 'rest-hook', endpoint: 'http://127.0.0.1:9/hook' },
});

const PATIENTS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

/** How many partitions each holds now, by name. */
async function shares(): Promise<Map<string, number>> {
  const rows = await database.rows<{ leased_by: string; count: bigint }>({
    text: `SELECT leased_by, count(*) FROM matching_position WHERE lease_ends > now() GROUP BY leased_by`,
  });
  return new Map(rows.map(({ leased_by: name, count }) => [name, Number(count)]));
}

const shared = (expected: Readonly<Record<string, number>>) =>
  waitFor(
    async () => {
      const now = await shares();
      return Object.entries(expected).every(([name, count]) => now.get(name) === count);
    },
    { what: 'the partitions to be shared out' },
  );

const sharedAs = (...expected: number[]) =>
  waitFor(async () => [...(await shares()).values()].sort().join() === expected.join(), { what: 'the partitions to be shared' });

async function settled(): Promise<void> {
  await waitFor(
    async () => {
      const [row] = await database.rows<{ behind: boolean }>({
        text: `SELECT EXISTS (
                 SELECT FROM matching_position p
                 WHERE EXISTS (SELECT FROM resource_version v WHERE (v.epoch, v.xid, v.seq) > (p.epoch, p.xid, p.seq))
               ) AS behind`,
      });
      return row?.behind === false;
    },
    { what: 'matching to reach the end of the log', milliseconds: 60_000 },
  );
}

/** Every event of every number is the model's. Returns how many there are. */
async function expectModel(ids: readonly string[]): Promise<number> {
  await settled();
  const changes = [];
  for (let position: LogPosition = LOG_START; ;) {
    const page = await log.after(position, 5000);
    changes.push(...page);
    if (page.length === 0) break;
    position = page.at(-1)!.position;
  }
  const model = modelEvents(changes);
  let total = 0;
  for (const id of ids) {
    const given = await givenEvents(database, id);
    total += given.length;
    expect({ id, given }).toEqual({ id, given: model.get(id) ?? [] });
  }
  return total;
}

describe('matching shared by several processes', () => {
  test('each takes a fair share, gives some up to a newcomer, and takes over at once from one that died', async () => {
    const one = await MatchingHub.start(30);
    await shared({ [one.name]: 8 });
    const two = await MatchingHub.start(30);
    await waitFor(async () => [...(await shares()).values()].sort().join() === '4,4', {
      what: 'two shares',
      milliseconds: 60_000,
    });
    await two.kill();
    await waitFor(async () => (await shares()).get(one.name) === 8, { what: 'the share of the dead', milliseconds: 60_000 });
  }, 180_000);

  test('what is taken over catches up, and all that stands at one place is one again', async () => {
    const ids = PATIENTS.map((patient) => `s-${patient}`);
    for (const patient of PATIENTS) await put(classic(`s-${patient}`, patient));
    const [one, two] = [await MatchingHub.start(), await MatchingHub.start()];
    await shared({ [one.name]: 4, [two.name]: 4 });
    await settled();
    two.freeze();
    for (let n = 0; n < 200; n++) await put(observation(`o${n}`, PATIENTS[n % 8]!));
    expect(await expectModel(ids)).toBe(200);
    await shared({ [one.name]: 8 });
    for (let n = 0; n < 50; n++) await put(observation(`p${n}`, PATIENTS[n % 8]!));
    two.wakeUp();
    await shared({ [one.name]: 4, [two.name]: 4 });
    for (let n = 0; n < 50; n++) await put(observation(`q${n}`, PATIENTS[n % 8]!));
    expect(await expectModel(ids)).toBe(300);
  }, 180_000);

  test('a frozen process that wakes in the middle of a commit writes nothing', async () => {
    for (const patient of PATIENTS) await put(classic(`s-${patient}`, patient));
    const one = await MatchingHub.start();
    await shared({ [one.name]: 8 });
    await settled();
    one.freeze();
    // It has read these and hangs before it can commit them.
    for (const patient of PATIENTS) await put(observation(`o-${patient}`, patient));
    const two = await MatchingHub.start();
    await shared({ [two.name]: 8 });
    await settled();
    one.wakeUp();
    await shared({ [one.name]: 4, [two.name]: 4 });
    for (const patient of PATIENTS) await put(observation(`o-${patient}`, patient, { note: [{ text: 'again' }] }));
    expect(await expectModel(PATIENTS.map((patient) => `s-${patient}`))).toBe(16);
  }, 180_000);

  test('a filter that leads to a group of another process takes effect at its exact place', async () => {
    const [one, two] = [await MatchingHub.start(), await MatchingHub.start()];
    await shared({ [one.name]: 4, [two.name]: 4 });
    const churn = async (id: string) => {
      for (let n = 0; n < 30; n++) await put(classic(id, PATIENTS[n % 8]!));
    };
    const write = async (writer: number) => {
      for (let n = 0; n < 200; n++) await put(observation(`w${writer}-${n}`, PATIENTS[n % 8]!));
    };
    await Promise.all([churn('s'), churn('t'), write(1), write(2)]);
    expect(await expectModel(['s', 't'])).toBeGreaterThan(0);
    const groups = await database.rows<{ fingerprint: string }>({
      text: `SELECT DISTINCT encode(g.fingerprint, 'hex') AS fingerprint
             FROM subscription_segment AS s JOIN filter_group AS g USING (group_id) WHERE s.subscription_id = 's'`,
    });
    expect(new Set(groups.map(({ fingerprint }) => partitionOf(fingerprint))).size).toBeGreaterThan(1);
  }, 180_000);

  test('followers that ask for all batches above a number miss none, however many write them', async () => {
    for (let n = 0; n < 3; n++) await MatchingHub.start();
    await sharedAs(2, 3, 3);
    const batches = new PostgresMatchBatches(database);
    const seen: number[] = [];
    let writing = true;
    const following = (async () => {
      for (let position = 0; ;) {
        const stopAfter = !writing;
        const page = await batches.after(position, 100);
        seen.push(...page.map(({ batch }) => batch));
        position = page.at(-1)?.batch ?? position;
        if (stopAfter && page.length === 0) return;
      }
    })();
    for (const patient of PATIENTS) await put(classic(`s-${patient}`, patient));
    const write = async (writer: number) => {
      for (let n = 0; n < 100; n++) await put(observation(`w${writer}-${n}`, PATIENTS[(n + writer) % 8]!));
    };
    await Promise.all([write(1), write(2), write(3)]);
    await settled();
    writing = false;
    await following;
    const all = await database.rows<{ batch: bigint }>({ text: 'SELECT batch FROM match_batch ORDER BY batch' });
    expect(seen).toEqual(all.map(({ batch }) => Number(batch)));
    expect(seen.length).toBeGreaterThan(10);
  }, 180_000);

  test('whatever dies, freezes and comes while subscriptions come, go, pause and change at full speed: every number is right', async () => {
    const subscription = fc.record({
      id: fc.constantFrom('s1', 's2', 's3', 's4', 's5'),
      patient: fc.constantFrom(...PATIENTS),
      final: fc.boolean(),
      off: fc.constantFrom(false, false, true),
    });
    const step = fc.oneof(
      { weight: 12, arbitrary: fc.record({ kind: fc.constant('observe' as const), patient: fc.constantFrom(...PATIENTS) }) },
      { weight: 6, arbitrary: fc.record({ kind: fc.constant('subscribe' as const), subscription }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), id: fc.constantFrom('s1', 's2', 's3', 's4') }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('kill' as const), which: fc.nat(2) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('freeze' as const), which: fc.nat(2) }) },
    );
    const steps = fc.sample(fc.array(step, { minLength: 500, maxLength: 500 }), 1)[0]!;
    const alive = [await MatchingHub.start(), await MatchingHub.start(), await MatchingHub.start()];
    let n = 0;
    const act = async (one: (typeof steps)[number]) => {
      n++;
      if (one.kind === 'observe') await put(observation(`o${n % 60}`, one.patient, { note: [{ text: String(n) }] }));
      else if (one.kind === 'subscribe') await put(classic(one.subscription.id, one.subscription.patient, one.subscription));
      else if (one.kind === 'delete') await remove('Subscription', one.id);
      else if (one.kind === 'kill') {
        const [victim] = alive.splice(one.which, 1, await MatchingHub.start());
        await victim?.kill();
      } else {
        const hub = alive[one.which]!;
        hub.freeze();
        setTimeout(() => hub.wakeUp(), 300 * (n % 6));
      }
    };
    const actors = [0, 1, 2, 3].map(async (actor) => {
      for (const [index, one] of steps.entries()) if (index % 4 === actor) await act(one);
    });
    await Promise.all(actors);
    for (const hub of alive) hub.wakeUp();
    expect(await expectModel(['s1', 's2', 's3', 's4', 's5'])).toBeGreaterThan(0);
  }, 300_000);
});
