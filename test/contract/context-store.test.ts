import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Change } from '../../src/fhir/change.js';
import { versionKey } from '../../src/fhir/event-parts.js';
import { equalityKey } from '../../src/search/equality-key.js';
import { PostgresContextStore } from '../../src/storage/context-store.js';
import { Database } from '../../src/storage/database.js';
import type { ContextStore, FoundResources } from '../../src/subscriptions/context-store.js';
import { ChangeMaker } from '../support/changes.js';
import { cloneDatabase, type TestDatabase } from '../support/clone-database.js';
import { insertChanges } from '../support/insert-changes.js';
import { SEMANTICS } from '../support/semantics.js';
import { MemoryContextStore } from '../support/twins/memory-context-store.js';

const MOST_BYTES = 10_000;

describe.each(['twin', 'postgres'])('what the context of events is made of (%s)', (name) => {
  let clone: TestDatabase | undefined;
  let database: Database | undefined;
  let store: ContextStore;
  const maker = new ChangeMaker();
  const observation = (id: string, patient: string, more: object = {}) =>
    maker.put({ resourceType: 'Observation', id, subject: { reference: `Patient/${patient}` }, ...more });
  const changes: Change[] = [
    maker.put({ resourceType: 'Patient', id: 'p1' }),
    maker.put({ resourceType: 'Patient', id: 'p1', active: true }),
    maker.put({ resourceType: 'Patient', id: 'p2' }),
    maker.remove('Patient', 'p2'),
    observation('b1', 'p1'),
    observation('b2', 'p1'),
    observation('b3', 'p2'),
    observation('b4', 'p1'),
    maker.remove('Observation', 'b4'),
    observation('b5', 'p1'),
    maker.put({ resourceType: 'Observation', id: 'b5', subject: { reference: 'Patient/p9' } }),
    observation('large1', 'large', { note: [{ text: 'x'.repeat(6000) }] }),
    observation('large2', 'large', { note: [{ text: 'x'.repeat(6000) }] }),
  ];
  const refersTo = (patient: string) => ({
    type: 'Observation',
    key: equalityKey('Observation', 'subject', 'local', 'Patient', patient),
  });
  const names = ({ named, referring }: FoundResources) => ({
    named: named.map(versionKey).sort(),
    referring: referring.map(({ key, version }) => `${key} ${versionKey(version)}`).sort(),
  });

  beforeAll(async () => {
    if (name === 'twin') {
      const memory = new MemoryContextStore(SEMANTICS, MOST_BYTES);
      memory.versions.push(...changes);
      memory.topics.set(1, 'http://x/t|2');
      store = memory;
      return;
    }
    clone = await cloneDatabase();
    database = new Database(clone.url, 4, () => {});
    await insertChanges(database, changes);
    for (const { type, id, version, body } of changes) {
      const keys = body === null ? [] : SEMANTICS.indexRows(SEMANTICS.extract(type, JSON.parse(body))).keys;
      await database.run({ text: 'UPDATE resource SET keys = $1 WHERE type = $2 AND id = $3 AND version = $4' }, [
        keys,
        type,
        id,
        version,
      ]);
    }
    const group = `INSERT INTO filter_group (group_id, fingerprint, definition) OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3)`;
    await database.run({ text: group }, [1, '\\x01', '{"kind":"topic","topic":"http://x/t|2","filters":[],"rights":"open"}']);
    await database.run({ text: group }, [2, '\\x02', '{"kind":"classic","criteria":"Patient?topic=1","rights":"open"}']);
    store = new PostgresContextStore(database, MOST_BYTES);
  });

  afterAll(async () => {
    await database?.close();
    await clone?.drop();
  });

  test('what is named comes in its current version, without what is deleted or unknown', async () => {
    const named = ['p1', 'p2', 'p3'].map((id) => ({ type: 'Patient', id }));
    const found = await store.find({ named: [...named, { type: 'Observation', id: 'p1' }], referring: [] }, 10);
    expect(names(found)).toEqual({ named: ['Patient/p1/2'], referring: [] });
    const { type, id, version, interaction, method, at, body } = changes[1]!;
    expect(found.named[0]).toMatchObject({ type, id, version, interaction, method, at, body });
    expect(found.complete).toBe(true);
  });

  test('what refers comes under its key, as it refers now', async () => {
    const found = await store.find({ named: [], referring: [refersTo('p1'), refersTo('p2'), refersTo('nobody')] }, 10);
    expect(names(found).referring).toEqual(
      [
        `${refersTo('p1').key} Observation/b1/1`,
        `${refersTo('p1').key} Observation/b2/1`,
        `${refersTo('p2').key} Observation/b3/1`,
      ].sort(),
    );
  });

  test('a key is of the type it is asked for, and no more come under one than asked for', async () => {
    const { key } = refersTo('p1');
    expect(names(await store.find({ named: [], referring: [{ type: 'Condition', key }] }, 10)).referring).toEqual([]);
    expect((await store.find({ named: [], referring: [refersTo('p1')] }, 1)).referring).toHaveLength(1);
  });

  test('texts that are too large together are left out, and it says so', async () => {
    const found = await store.find({ named: [], referring: [refersTo('large')] }, 10);
    expect([found.referring.length, found.complete]).toEqual([1, false]);
  });

  test('the version before a delete is known', async () => {
    const [remove, other] = [changes[3]!, changes[8]!];
    const before = await store.beforeDeletes([remove, { ...other, id: 'unknown' }]);
    expect([...before]).toEqual([['Patient/p2/2', changes[2]!.body]]);
  });

  test('groups know their topic; those of classic criteria have none', async () => {
    expect([...(await store.topicsOf([1, 2, 3]))]).toEqual([[1, 'http://x/t|2']]);
  });

  test('the number of topics written changes with every write of one', async () => {
    const before = await store.topicsWritten();
    if (store instanceof MemoryContextStore) store.written += 1;
    else await insertChanges(database!, [maker.put({ resourceType: 'SubscriptionTopic', id: 't' })]);
    const once = await store.topicsWritten();
    if (store instanceof MemoryContextStore) store.written += 1;
    else await insertChanges(database!, [maker.remove('SubscriptionTopic', 't')]);
    const twice = await store.topicsWritten();
    expect(new Set([before, once, twice]).size).toBe(3);
  });

  test('several look-ups at one moment do not see what is committed between them', async () => {
    const named = [{ type: 'Patient', id: 'p7' }];
    const found = await store.atOneMoment(async (find) => {
      const first = await find({ named, referring: [] }, 10);
      if (database) await insertChanges(database, [maker.put({ resourceType: 'Patient', id: 'p7' })]);
      return [first, await find({ named, referring: [] }, 10)];
    });
    expect(found.map(({ named: { length } }) => length)).toEqual([0, 0]);
  });
});

test('what takes too long to find is left out, and it says so, within one moment as well', async () => {
  const clone = await cloneDatabase();
  const impatient = new Database(clone.url, 2, () => {}, { statement_timeout: 100 });
  const other = new Database(clone.url, 1, () => {});
  const store = new PostgresContextStore(impatient);
  const wanted = { named: [{ type: 'Patient', id: 'p1' }], referring: [] };
  const nothing = { named: [], referring: [], complete: false };
  await other.transaction(async (tx) => {
    await tx.run({ text: 'LOCK TABLE resource' });
    expect(await store.find(wanted, 10)).toEqual(nothing);
    const found = await store.atOneMoment(async (find) => [await find(wanted, 10), await find(wanted, 10)]);
    expect(found).toEqual([nothing, nothing]);
  });
  expect(await store.find(wanted, 10)).toEqual({ ...nothing, complete: true });
  await Promise.all([impatient.close(), other.close()]);
  await clone.drop();
});
