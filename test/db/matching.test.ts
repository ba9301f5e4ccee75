import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { type LogPosition, LOG_START } from '../../src/fhir/change.js';
import type { Write } from '../../src/intake/change-store.js';
import type { ChangeLog } from '../../src/matching/change-log.js';
import { DEFAULT_MATCHING, MatchingWorker } from '../../src/matching/matching.worker.js';
import { PostgresChangeLog } from '../../src/storage/change-log.js';
import { PostgresChangeStore } from '../../src/storage/change-store.js';
import type { Database } from '../../src/storage/database.js';
import { PostgresEventLedger } from '../../src/storage/event-ledger.js';
import { SILENT_LOG } from '../../src/telemetry/log.js';
import { LocalWakeUps } from '../../src/wake-ups/wake-ups.js';
import { type OpenClone, openClone } from '../support/open-clone.js';
import { givenEvents } from '../support/given-events.js';
import { SEMANTICS } from '../support/semantics.js';
import { modelEvents } from '../support/matching-model.js';
import { waitFor } from '../support/wait-for.js';

let clone: OpenClone;
let database: Database;
let store: PostgresChangeStore;
let wakeUps: LocalWakeUps;
let log: PostgresChangeLog;
const workers: MatchingWorker[] = [];

beforeEach(async () => {
  clone = await openClone(12);
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
  await Promise.all(workers.splice(0).map((worker) => worker.stop()));
  await clone.drop();
});

function startMatching(name: string, changes: ChangeLog = log, leaseSeconds = 1): MatchingWorker {
  const worker = new MatchingWorker(changes, new PostgresEventLedger(database), wakeUps, SEMANTICS, SILENT_LOG, {
    ...DEFAULT_MATCHING,
    leaseSeconds,
    process: name,
  });
  workers.push(worker);
  worker.start();
  return worker;
}

const putOf = (resource: { resourceType: string; id: string; [element: string]: unknown }): Write => {
  const text = JSON.stringify(resource);
  return { kind: 'put', method: 'PUT', resource: { type: resource.resourceType, id: resource.id, text, value: resource } };
};
const put = (resource: Parameters<typeof putOf>[0]) => store.write({ face: 'r4b', writes: [putOf(resource)] });
const remove = (type: string, id: string) => store.write({ face: 'r4b', writes: [{ kind: 'delete', type, id }] });

const observation = (id: string, patient: string, extra: object = {}) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '1975-2' }] },
  subject: { reference: `Patient/${patient}` },
  ...extra,
});

const classic = (id: string, criteria: string, status = 'active') => ({
  resourceType: 'Subscription',
  id,
  status,
  reason: 'test',
  criteria,
  channel: { type: 'rest-hook', endpoint: 'http://127.0.0.1:9/hook' },
});

const ofTopic = (id: string, topic: string, filters: string[], status = 'active') => ({
  ...classic(id, `https://carillon.example/topics/${topic}`, status),
  _criteria: {
    extension: filters.map((valueString) => ({
      url: 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-filter-criteria',
      valueString,
    })),
  },
  channel: {
    type: 'rest-hook',
    endpoint: 'http://127.0.0.1:9/hook',
    payload: 'application/fhir+json',
    _payload: {
      extension: [
        {
          url: 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-payload-content',
          valueCode: 'id-only',
        },
      ],
    },
  },
});

const topic = (name: string) => JSON.parse(readFileSync(`topics/${name}.json`, 'utf8')) as { resourceType: string; id: string };

/** Everything that is in the change log has been matched. */
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

async function expectModel(ids: readonly string[]): Promise<number> {
  await settled();
  const changes = [];
  for (let position = LOG_START; ;) {
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

describe('matching', () => {
  test('a change that matches becomes event 1 of the subscription, one before the subscription does not', async () => {
    startMatching('one');
    await put(observation('before', 'a'));
    await put(classic('s', 'Observation?patient=a'));
    await put(observation('o1', 'a'));
    await put(observation('o2', 'b'));
    await put(observation('o3', 'a'));
    await remove('Observation', 'o3');
    await settled();
    const given = await givenEvents(database, 's');
    expect(given).toHaveLength(2);
  });

  test('a topic fires on its transition only, and its filters are tested on the state before a delete', async () => {
    startMatching('one');
    await put(topic('encounter-end'));
    await put(topic('medication-request-changed'));
    await put(ofTopic('ends', 'encounter-end', ['Encounter?patient=Patient/a']));
    await put(ofTopic('meds', 'medication-request-changed', ['patient=Patient/a']));
    const encounter = (status: string, more = {}) => ({
      resourceType: 'Encounter',
      id: 'e',
      status,
      class: { code: 'AMB' },
      subject: { reference: 'Patient/a' },
      ...more,
    });
    await put(encounter('in-progress'));
    await put(encounter('finished'));
    await put(encounter('finished', { priority: { text: 'x' } }));
    const request = {
      resourceType: 'MedicationRequest',
      id: 'm',
      status: 'active',
      intent: 'order',
      subject: { reference: 'Patient/a' },
    };
    await put(request);
    await remove('MedicationRequest', 'm');
    await settled();
    expect(await givenEvents(database, 'ends')).toHaveLength(1);
    expect(await givenEvents(database, 'meds')).toHaveLength(2);
  });

  test('a change hears of a topic that came in the same batch, previous version included', async () => {
    await put(topic('encounter-end'));
    await put(ofTopic('ends', 'encounter-end', []));
    const encounter = { resourceType: 'Encounter', id: 'e', class: { code: 'AMB' } };
    await put({ ...encounter, status: 'in-progress' });
    await put({ ...encounter, status: 'finished' });
    await put({ ...encounter, status: 'finished', priority: { text: 'x' } });
    startMatching('one');
    await settled();
    expect(await givenEvents(database, 'ends')).toHaveLength(1);
  });

  test('a retired topic falls silent and goes on when it is active again', async () => {
    startMatching('one');
    await put(topic('laboratory-result'));
    await put(ofTopic('s', 'laboratory-result', []));
    const lab = (id: string) =>
      observation(id, 'a', {
        category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }] }],
      });
    await put(lab('1'));
    await put({ ...topic('laboratory-result'), status: 'retired' });
    await put(lab('2'));
    await put(topic('laboratory-result'));
    await put(lab('3'));
    await settled();
    expect(await givenEvents(database, 's')).toHaveLength(2);
  });

  test('a subscription made switched off has a cursor, and no events until it is switched on', async () => {
    startMatching('one');
    await put(classic('s', 'Observation?patient=a', 'off'));
    await put(observation('o1', 'a'));
    await settled();
    expect(await database.rows({ text: `SELECT FROM subscription_cursor WHERE subscription_id = 's'` })).toHaveLength(1);
    await put(classic('s', 'Observation?patient=a'));
    await put(observation('o2', 'a'));
    await settled();
    expect(await givenEvents(database, 's')).toHaveLength(1);
  });

  test('a resource that cannot be read stops nothing and matches nothing', async () => {
    startMatching('one');
    await put(classic('s', 'Observation?status:not=final'));
    await database.run({
      text: `INSERT INTO resource_version (epoch, type, id, version, interaction, method, face, at, body)
             VALUES (coalesce((SELECT epoch FROM log_epoch), 0), 'Observation', 'poison', 1, 'create', 'POST', 'r4b', now(), '{not json')`,
    });
    await put(observation('o1', 'a', { status: 'amended' }));
    await settled();
    expect(await givenEvents(database, 's')).toHaveLength(1);
  });

  test('every number is right while subscriptions come, go, pause and change at full speed beside writes', async () => {
    startMatching('one');
    const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
    await put(topic('laboratory-result'));
    const churn = async (id: string, turn: number) => {
      for (let n = 0; n < 25; n++) {
        const patient = 'abc'[(n + turn) % 3]!;
        const kind = (n * 7 + turn) % 6;
        if (kind === 4) await remove('Subscription', id);
        else
          await put(
            classic(id, `Observation?patient=${patient}${kind === 2 ? '&status=final' : ''}`, kind === 3 ? 'off' : 'active'),
          );
      }
    };
    const write = async (writer: number) => {
      for (let n = 0; n < 150; n++)
        await put(observation(`w${writer}-${n % 40}`, 'abc'[n % 3]!, { note: [{ text: String(n) }] }));
    };
    await Promise.all([...ids.map(churn), write(1), write(2), write(3), write(4)]);
    expect(await expectModel(ids)).toBeGreaterThan(0);
  });

  test('a process that dies at any step is followed by another: nothing lost, nothing twice', async () => {
    const ids = ['a', 'b', 'c'];
    for (const id of ids) await put(classic(id, `Observation?patient=${id}`));
    let deaths = 0;
    /** Every few looks at the log it fails, as a process or a connection does that ends between two steps. */
    const failing = new Proxy(log, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (name !== 'after') return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        return async (position: LogPosition, limit: number) => {
          if (Math.random() < 0.15 && deaths++ < 40) throw new Error('the connection ended');
          return target.after(position, Math.min(limit, 7));
        };
      },
    });
    startMatching('one', failing);
    startMatching('two', failing);
    const relay = (async () => {
      for (let n = 0; n < 6; n++) {
        const [first] = workers.splice(0, 1);
        await first?.stop();
        startMatching(`next-${n}`, failing);
      }
    })();
    for (let n = 0; n < 300; n++) await put(observation(`o${n}`, ids[n % 3]!));
    await relay;
    expect(await expectModel(ids)).toBe(300);
    expect(deaths).toBeGreaterThan(0);
  });

  test('a lease that nobody renews passes on, and the one who slept writes nothing more', async () => {
    await put(classic('s', 'Observation?patient=a'));
    const sleeper = new PostgresEventLedger(database);
    const { held } = await sleeper.lease('sleeper', 0.3);
    expect(held).toHaveLength(8);
    startMatching('awake');
    await put(observation('o1', 'a'));
    await settled();
    for (const lease of held)
      await expect(
        sleeper.commit({
          leases: [lease],
          position: { epoch: 9, xid: 9n, seq: 9n },
          events: [],
          memberships: [],
          subscriptionIds: [],
        }),
      ).rejects.toThrow();
    await put(observation('o2', 'a'));
    await settled();
    expect(await givenEvents(database, 's')).toHaveLength(2);
  });

  test('a group keeps its events whatever a later release would call it', async () => {
    const worker = startMatching('one');
    await put(classic('s', 'Observation?patient=a'));
    await put(observation('o1', 'a'));
    await settled();
    await worker.stop();
    await database.run({ text: `UPDATE filter_group SET fingerprint = decode('00112233445566778899aabbccddeeff', 'hex')` });
    await put(observation('o2', 'a'));
    startMatching('two');
    await put(observation('o3', 'a'));
    await settled();
    expect(await givenEvents(database, 's')).toHaveLength(3);
  });
});
