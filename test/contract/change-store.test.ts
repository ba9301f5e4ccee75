import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { comparePositions } from '../../src/fhir/change.js';
import { FhirError } from '../../src/fhir/fhir-error.js';
import type { ChangeStore, ResourceToStore, Write, WriteOutcome } from '../../src/intake/change-store.js';
import { PostgresChangeStore } from '../../src/storage/change-store.js';
import type { Database } from '../../src/storage/database.js';
import { PostgresProcessedMessages } from '../../src/storage/processed-messages.js';
import { PostgresRetention } from '../../src/storage/retention.js';
import { LocalWakeUps } from '../../src/wake-ups/wake-ups.js';
import { type OpenClone, openClone } from '../support/open-clone.js';
import { MemoryChangeStore } from '../support/twins/memory-change-store.js';

let nowMs = Date.parse('2026-11-01T10:00:00.123Z');
const now = () => nowMs;
let clone: OpenClone;
let database: Database;

beforeAll(async () => {
  clone = await openClone();
  database = clone.database;
});

afterAll(async () => {
  await clone.drop();
});

const keys = { keys: [1], dates: [], numbers: [], quantities: [], strings: [] };
const makers: [string, () => ChangeStore][] = [
  ['in memory', () => new MemoryChangeStore(now)],
  ['on PostgreSQL', () => new PostgresChangeStore(database, () => keys, new LocalWakeUps(), {}, now)],
];

function patient(id: string, rest = '"active":true'): ResourceToStore {
  const text = `{"resourceType":"Patient","id":"${id}",${rest}}`;
  return { type: 'Patient', id, text, value: JSON.parse(text) as Record<string, unknown> };
}

const put = (id: string, rest?: string, more: object = {}): Write => ({
  kind: 'put',
  method: 'PUT',
  resource: patient(id, rest),
  ...more,
});
const create = (id: string): Write => ({ kind: 'create', method: 'POST', resource: patient(id) });
const remove = (id: string, ifMatch?: number): Write => ({ kind: 'delete', type: 'Patient', id, ifMatch });

function changeOf(outcome: WriteOutcome | undefined) {
  if (outcome === undefined || outcome.kind === 'absent') throw new Error('nothing was stored');
  return outcome.change;
}

async function refusal(work: Promise<unknown>): Promise<FhirError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(FhirError);
  return error as FhirError;
}

describe.each(makers)('the change store %s', (_, make) => {
  let store: ChangeStore;
  beforeAll(() => {
    store = make();
  });
  const write = async (...writes: Write[]) => store.write({ face: 'r4b', writes });
  const one = async (next: Write) => (await write(next))[0]!;

  test('stores a create as version 1, stamped with id, version and time, all else as it was written', async () => {
    const id = randomUUID();
    const outcome = await one({
      kind: 'create',
      method: 'POST',
      resource: patient(id, '"meta":{"tag":[{"code":"a"}],"versionId":"77"},"multipleBirthInteger":1.00'),
    });
    expect(outcome.kind).toBe('stored');
    const change = changeOf(outcome);
    expect(change).toMatchObject({ type: 'Patient', id, version: 1, interaction: 'create', method: 'POST', face: 'r4b' });
    expect(change.at.toISOString()).toBe(new Date(nowMs).toISOString());
    expect(change.body).toBe(
      `{"resourceType":"Patient","id":"${id}","meta":{"versionId":"1","lastUpdated":"${change.at.toISOString()}",` +
        `"tag":[{"code":"a"}]},"multipleBirthInteger":1.00}`,
    );
  });

  test('numbers the versions of a resource 1, 2, 3 and goes on after a delete', async () => {
    const id = randomUUID();
    const seen: [number, string, string][] = [];
    for (const next of [put(id), put(id, '"active":false'), remove(id), put(id)]) {
      const change = changeOf(await one(next));
      seen.push([change.version, change.interaction, change.method]);
    }
    expect(seen).toEqual([
      [1, 'create', 'PUT'],
      [2, 'update', 'PUT'],
      [3, 'delete', 'DELETE'],
      [4, 'create', 'PUT'],
    ]);
  });

  test('makes no version of a put that says nothing new, whatever id and meta it carries', async () => {
    const id = randomUUID();
    const first = changeOf(await one(put(id)));
    const again = await one(put(id, '"meta":{"versionId":"9","lastUpdated":"2001-01-01T00:00:00Z"},"active":true'));
    expect(again.kind).toBe('unchanged');
    expect(changeOf(again)).toMatchObject({ version: 1, body: first.body });
    expect(comparePositions(changeOf(again).position, first.position)).toBe(0);
  });

  test('takes another number of digits for a change', async () => {
    const id = randomUUID();
    await one(put(id, '"multipleBirthInteger":1'));
    expect((await one(put(id, '"multipleBirthInteger":1.0'))).kind).toBe('stored');
  });

  test('answers a delete of what is not there, and a repeated one, as absent', async () => {
    const id = randomUUID();
    expect(await one(remove(id))).toEqual({ kind: 'absent', type: 'Patient', id });
    await one(put(id));
    expect((await one(remove(id))).kind).toBe('stored');
    expect((await one(remove(id))).kind).toBe('absent');
  });

  test('refuses a stale If-Match with 412 and stores nothing', async () => {
    const id = randomUUID();
    await one(put(id));
    await one(put(id, '"active":false'));
    expect((await refusal(one(put(id, '"gender":"male"', { ifMatch: 1 })))).status).toBe(412);
    expect((await refusal(one(remove(id, 1)))).status).toBe(412);
    expect(changeOf(await one(put(id, '"gender":"male"', { ifMatch: 2 }))).version).toBe(3);
    expect(changeOf(await one(remove(id, 3))).version).toBe(4);
  });

  test('refuses If-Match where there is no resource', async () => {
    const id = randomUUID();
    expect((await refusal(one(put(id, undefined, { ifMatch: 1 })))).status).toBe(412);
    await one(put(id));
    await one(remove(id));
    expect((await refusal(one(put(id, undefined, { ifMatch: 2 })))).status).toBe(412);
  });

  test('refuses If-None-Match * for a resource that exists, also when nothing would change', async () => {
    const id = randomUUID();
    expect((await one(put(id, undefined, { ifNoneMatchAny: true }))).kind).toBe('stored');
    expect((await refusal(one(put(id, undefined, { ifNoneMatchAny: true })))).status).toBe(412);
    await one(remove(id));
    expect(changeOf(await one(put(id, undefined, { ifNoneMatchAny: true }))).version).toBe(3);
  });

  test('refuses a create under an id in use with 409', async () => {
    const id = randomUUID();
    await one(create(id));
    expect((await refusal(one(create(id)))).status).toBe(409);
  });

  test('stores all writes of a unit or none', async () => {
    const [kept, fresh] = [randomUUID(), randomUUID()];
    await one(put(kept));
    expect((await refusal(write(create(fresh), put(kept, '"active":false', { ifMatch: 7 })))).status).toBe(412);
    expect(changeOf(await one(put(kept))).version).toBe(1);
    expect(changeOf(await one(put(fresh))).version).toBe(1);
  });

  test('refuses a unit that writes one resource twice', async () => {
    const id = randomUUID();
    expect((await refusal(write(put(id), remove(id)))).status).toBe(409);
    expect(changeOf(await one(put(id))).version).toBe(1);
  });

  test('gives the outcomes of a unit in the order of its writes, and log places that grow', async () => {
    const ids = [randomUUID(), randomUUID(), randomUUID()];
    await one(put(ids[1]!));
    const outcomes = await write(remove(ids[1]!), create(ids[0]!), remove('never-there'), put(ids[2]!));
    expect(outcomes.map(({ kind }) => kind)).toEqual(['stored', 'stored', 'absent', 'stored']);
    const positions = outcomes.flatMap((outcome) => (outcome.kind === 'stored' ? [outcome.change.position] : []));
    expect([...positions].sort(comparePositions)).toEqual(positions);
    expect(new Set(positions.map(({ seq }) => seq)).size).toBe(3);
  });

  test('never lets time run backwards between two versions', async () => {
    const id = randomUUID();
    const before = nowMs;
    const first = changeOf(await one(put(id)));
    nowMs -= 60_000;
    const second = changeOf(await one(put(id, '"active":false')));
    nowMs = before;
    expect(second.at.getTime()).toBeGreaterThanOrEqual(first.at.getTime());
  });

  test('takes units at the same time for one resource one after the other', async () => {
    const id = randomUUID();
    const outcomes = await Promise.all(Array.from({ length: 50 }, (_, n) => one(put(id, `"multipleBirthInteger":${n}`))));
    expect(outcomes.map((outcome) => changeOf(outcome).version)).toEqual(Array.from({ length: 50 }, (_, n) => n + 1));
  });

  test('lets exactly one of many with the same If-Match win', async () => {
    const id = randomUUID();
    await one(put(id));
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) => one(put(id, `"multipleBirthInteger":${n}`, { ifMatch: 1 }))),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});

describe.each(makers)('a coded event (%s)', (_, make) => {
  test('makes a version even where the content is not new, and stands with it', async () => {
    const store = make();
    const id = randomUUID();
    const event = { codings: [{ code: 'a' }], focus: [{ type: 'Patient', id, written: false }] };
    const unit = { face: 'r4b' as const, writes: [put(id, undefined, { event })] };
    expect(changeOf((await store.write(unit))[0])).toMatchObject({ version: 1, event });
    expect(changeOf((await store.write(unit))[0])).toMatchObject({ version: 2, event });
    const [plain] = await store.write({ face: 'r4b', writes: [put(id)] });
    expect(plain).toMatchObject({ kind: 'unchanged' });
  });
});

test('the answer to a message is kept with its content, or not at all', async () => {
  const store = new PostgresChangeStore(database, () => keys, new LocalWakeUps(), {}, now);
  const processed = new PostgresProcessedMessages(database);
  const message = { source: 'http://x', messageId: randomUUID(), envelopeId: 'e', response: '{"a":1.0}' };
  const id = randomUUID();
  await refusal(store.write({ face: 'r4b', writes: [put(id, undefined, { ifMatch: 7 })], message }));
  expect(await processed.known('http://x', message.messageId, 'e')).toEqual([]);
  await store.write({ face: 'r4b', writes: [put(id)], message });
  expect(await processed.known('http://x', message.messageId, 'e')).toEqual([message]);
  expect(await processed.known('http://x', 'another', 'e')).toEqual([message]);
  expect(await processed.known('http://y', message.messageId, 'e')).toEqual([]);
  expect(await processed.known('http://x', 'another', '')).toEqual([]);
  expect(await new PostgresRetention(database).dropMessages(1)).toBe(0);
  expect(await new PostgresRetention(database).dropMessages(-1)).toBe(1);
});
