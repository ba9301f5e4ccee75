import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import type { CursorStore, CursorUpdate } from '../../src/delivery/cursor-store.js';
import type { Change } from '../../src/fhir/change.js';
import { PostgresCursorStore } from '../../src/storage/cursor-store.js';
import type { Database } from '../../src/storage/database.js';
import type { Segment } from '../../src/subscriptions/segments.js';
import { ChangeMaker } from '../support/changes.js';
import { type OpenClone, openClone } from '../support/open-clone.js';
import { insertChanges } from '../support/insert-changes.js';
import { MemoryCursorStore } from '../support/twins/memory-cursor-store.js';

const HOUR_MS = 3_600_000;

/** A store, and what other stages write beside it. */
interface Side {
  store: CursorStore;
  make(subscriptionId: string, shard: number): Promise<void>;
  forget(subscriptionId: string): Promise<void>;
  write(change: Change): Promise<void>;
  /** Where a group stands. */
  group(groupId: number, lastN: number): Promise<void>;
  segments(subscriptionId: string, segments: readonly Segment[]): Promise<void>;
  /** Gives the shard to somebody: the token of the one before is void. */
  lease(shard: number): Promise<string>;
}

function twin(): Side {
  const store = new MemoryCursorStore();
  return {
    store,
    make: (id, shard) => Promise.resolve(store.make(id, shard)),
    forget: (id) => Promise.resolve(store.forget(id)),
    write: (change) => Promise.resolve(void store.resources.set(change.id, change)),
    group: (groupId, lastN) => Promise.resolve(void store.groups.set(groupId, lastN)),
    segments: (id, segments) => Promise.resolve(void store.segments.set(id, segments)),
    lease: (shard) => {
      const token = randomUUID();
      store.tokens.set(shard, token);
      return Promise.resolve(token);
    },
  };
}

function postgres(database: Database): Side {
  const run = async (text: string, values: readonly unknown[]) => void (await database.run({ text }, values));
  return {
    store: new PostgresCursorStore(database),
    make: (id, shard) => run(`INSERT INTO subscription_cursor (subscription_id, shard) VALUES ($1, $2)`, [id, shard]),
    forget: (id) => run('DELETE FROM subscription_cursor WHERE subscription_id = $1', [id]),
    write: (change) => insertChanges(database, [change]),
    group: (groupId, lastN) =>
      run(
        `INSERT INTO filter_group (group_id, fingerprint, definition, last_n) OVERRIDING SYSTEM VALUE VALUES ($1, $2, '{}', $3)
         ON CONFLICT (group_id) DO UPDATE SET last_n = excluded.last_n`,
        [groupId, Buffer.from([groupId]), lastN],
      ),
    segments: async (id, segments) => {
      await run('DELETE FROM subscription_segment WHERE subscription_id = $1', [id]);
      for (const [index, { groupId, afterN, untilN, firstNumber }] of segments.entries()) {
        await run(
          `INSERT INTO subscription_segment (subscription_id, ordinal, group_id, after_n, until_n, first_number)
           VALUES ($1, $2, $3, $4, $5, $6)`,
          [id, index + 1, groupId, afterN, untilN ?? null, firstNumber],
        );
      }
    },
    lease: async (shard) => {
      const token = randomUUID();
      await run('UPDATE delivery_shard SET token = $2 WHERE shard = $1', [shard, token]);
      return token;
    },
  };
}

describe.each(['twin', 'postgres'])('cursors (%s)', (name) => {
  let clone: OpenClone | undefined;
  let database: Database | undefined;
  let side: Side;
  let store: CursorStore;
  let maker: ChangeMaker;

  beforeAll(async () => {
    if (name === 'twin') return;
    clone = await openClone();
    database = clone.database;
  });
  afterAll(async () => {
    await clone?.drop();
  });
  beforeEach(async () => {
    const tables = 'subscription_cursor, subscription_segment, filter_group, resource, resource_version';
    await database?.run({ text: `TRUNCATE ${tables} CASCADE` });
    side = database ? postgres(database) : twin();
    store = side.store;
    maker = new ChangeMaker();
  });

  /** A Subscription with its cursor, as matching makes it. */
  const subscribe = async (id: string, shard: number, more: Record<string, unknown> = {}): Promise<Change> => {
    const change = maker.put({ resourceType: 'Subscription', id, ...more });
    await side.write(change);
    await side.make(id, shard);
    return change;
  };
  /** Of the life that the Subscription has now. */
  const update = async (subscriptionId: string, shard: number, more: Partial<CursorUpdate> = {}): Promise<CursorUpdate> => ({
    subscriptionId,
    life: (await loaded(subscriptionId))?.life ?? 0,
    shard,
    acknowledged: 0,
    failures: 0,
    sent: false,
    pushed: true,
    ...more,
  });
  const loaded = async (id: string) => (await store.load([id]))[0]!;
  const advance = async (id: string, number: number) =>
    store.advance(new Map([[id, { life: (await loaded(id))?.life ?? 0, number }]]));

  test('a Subscription is loaded with its newest version, its cursor, its segments and where its group stands', async () => {
    await subscribe('a', 3);
    const newest = maker.put({ resourceType: 'Subscription', id: 'a', status: 'active' });
    await side.write(newest);
    await side.group(1, 9);
    await side.group(2, 20);
    const segments = [
      { groupId: 1, afterN: 4, untilN: 7, firstNumber: 1 },
      { groupId: 2, afterN: 10, firstNumber: 4 },
    ];
    await side.segments('a', segments);
    await subscribe('b', 4);
    const found = await store.load(['b', 'a', 'nobody']);
    expect(found).toHaveLength(2);
    expect(found.find(({ resource }) => resource.id === 'a')).toEqual({
      shard: 3,
      life: expect.any(Number),
      acknowledged: 0,
      failures: 0,
      dueInMs: undefined,
      verifiedVersion: undefined,
      lastError: undefined,
      sentAgoMs: undefined,
      standing: { subscriptionId: 'a', segments, groupLastN: 20 },
      resource: newest,
    });
    expect((await loaded('b')).standing).toEqual({ subscriptionId: 'b', segments: [], groupLastN: 0 });
    expect(await store.load([])).toEqual([]);
  });

  test('a deleted Subscription is loaded as its delete; one that matching has not seen has no cursor', async () => {
    await subscribe('a', 3);
    const removed = maker.remove('Subscription', 'a');
    await side.write(removed);
    await side.write(maker.put({ resourceType: 'Subscription', id: 'new' }));
    expect((await store.load(['a', 'new'])).map(({ resource }) => resource)).toEqual([removed]);
  });

  test('what is saved is loaded, and what it leaves out is taken away', async () => {
    await subscribe('a', 3);
    const tokens = new Map([[3, await side.lease(3)]]);
    const full = { acknowledged: 7, failures: 2, dueInMs: HOUR_MS, verifiedVersion: 1, lastError: 'HTTP 503', sent: true };
    expect(await store.save([await update('a', 3, full)], tokens)).toEqual(new Set(['a']));
    const kept = await loaded('a');
    expect(kept).toMatchObject({ acknowledged: 7, failures: 2, verifiedVersion: 1, lastError: 'HTTP 503' });
    expect(kept.dueInMs).toBeGreaterThan(HOUR_MS / 2);
    expect(kept.dueInMs).toBeLessThanOrEqual(HOUR_MS);
    expect(kept.sentAgoMs).toBeGreaterThanOrEqual(0);
    expect(kept.sentAgoMs).toBeLessThan(HOUR_MS);

    await store.save([await update('a', 3, { acknowledged: 8 })], tokens);
    const bare = await loaded('a');
    expect(bare).toMatchObject({ acknowledged: 8, failures: 0 });
    expect([bare.dueInMs, bare.verifiedVersion, bare.lastError]).toEqual([undefined, undefined, undefined]);
    // When something was last sent stays true.
    expect(bare.sentAgoMs).toBeGreaterThanOrEqual(kept.sentAgoMs!);
  });

  test('nothing is written under a token that is not the current one of its shard', async () => {
    await subscribe('a', 1);
    await subscribe('b', 2);
    await subscribe('c', 3);
    const tokens = new Map([
      [1, await side.lease(1)],
      [2, await side.lease(2)],
    ]);
    await side.lease(3);
    await side.lease(2);
    const updates = await Promise.all(
      ['a', 'b', 'c', 'nobody'].map((id, index) => update(id, index === 3 ? 1 : index + 1, { acknowledged: 5 })),
    );
    expect(await store.save(updates, tokens)).toEqual(new Set(['a']));
    const numbers = (await store.load(['a', 'b', 'c'])).map(({ resource, acknowledged }) => [resource.id, acknowledged]);
    expect(new Map(numbers as [string, number][])).toEqual(
      new Map([
        ['a', 5],
        ['b', 0],
        ['c', 0],
      ]),
    );
    expect(await store.save([], tokens)).toEqual(new Set());
  });

  test('an acknowledged number never goes back, whoever writes it, in whatever order', async () => {
    await subscribe('a', 1);
    const tokens = new Map([[1, await side.lease(1)]]);
    let highest = 0;
    const writes = fc.array(fc.record({ number: fc.nat(50), overSocket: fc.boolean() }), { minLength: 5, maxLength: 20 });
    for (const { number, overSocket } of fc.sample(writes, 2).flat()) {
      if (overSocket) await advance('a', number);
      else await store.save([await update('a', 1, { acknowledged: number })], tokens);
      highest = Math.max(highest, number);
      expect((await loaded('a')).acknowledged).toBe(highest);
    }
    await advance('nobody', 3);
    await store.advance(new Map());
  });

  test('what is still to be written of a Subscription that was deleted does not touch the one made again under its id', async () => {
    await subscribe('a', 1);
    const tokens = new Map([[1, await side.lease(1)]]);
    const first = await update('a', 1, { acknowledged: 7 });
    await side.forget('a');
    await subscribe('a', 1);
    expect((await loaded('a')).life).toBeGreaterThan(first.life);
    expect(await store.save([first], tokens)).toEqual(new Set());
    await store.advance(new Map([['a', { life: first.life, number: 9 }]]));
    expect(await loaded('a')).toMatchObject({ acknowledged: 0 });
    expect(await store.save([await update('a', 1, { acknowledged: 1 })], tokens)).toEqual(new Set(['a']));
  });

  test('what arrives at sockets needs no token, and counts as sent where it is news', async () => {
    await subscribe('a', 1);
    await advance('a', 0);
    expect((await loaded('a')).sentAgoMs).toBeUndefined();
    await advance('a', 4);
    expect(await loaded('a')).toMatchObject({ acknowledged: 4 });
    expect((await loaded('a')).sentAgoMs).toBeGreaterThanOrEqual(0);
  });

  test('due are those of the shards whose time has come, the longest due first, at most so many', async () => {
    const dueInMs = { late: -3000, later: -9000, soon: HOUR_MS, never: undefined, elsewhere: -5000 };
    const tokens = new Map<number, string>();
    for (const shard of [1, 2]) tokens.set(shard, await side.lease(shard));
    for (const [id, due] of Object.entries(dueInMs)) {
      const shard = id === 'elsewhere' ? 2 : 1;
      await subscribe(id, shard);
      await store.save([await update(id, shard, { dueInMs: due })], tokens);
    }
    expect(await store.due([1], 10)).toEqual(['later', 'late']);
    expect(await store.due([1, 2], 2)).toEqual(['later', 'elsewhere']);
    expect(await store.due([3], 10)).toEqual([]);
  });

  test('unsettled are those that are owed something, have a time to come, or were written since they were verified', async () => {
    await side.group(1, 10);
    const open = [{ groupId: 1, afterN: 5, firstNumber: 1 }];
    const tokens = new Map<number, string>();
    for (const shard of [1, 2]) tokens.set(shard, await side.lease(shard));
    const settled = { acknowledged: 5, verifiedVersion: 1 };
    const cases: Record<string, Partial<CursorUpdate>> = {
      settled,
      owed: { ...settled, acknowledged: 4 },
      'owed-over-sockets': { ...settled, acknowledged: 4, pushed: false },
      timed: { ...settled, dueInMs: HOUR_MS },
      unverified: { acknowledged: 5 },
      rewritten: settled,
      deleted: { ...settled, acknowledged: 4 },
      elsewhere: { ...settled, acknowledged: 4 },
    };
    for (const [id, more] of Object.entries(cases)) {
      const shard = id === 'elsewhere' ? 2 : 1;
      await subscribe(id, shard);
      await side.segments(id, open);
      await store.save([await update(id, shard, more)], tokens);
    }
    await side.write(maker.put({ resourceType: 'Subscription', id: 'rewritten' }));
    await side.write(maker.remove('Subscription', 'deleted'));
    // It has left its group, and had all that was before.
    await subscribe('left', 1);
    await side.segments('left', [{ groupId: 1, afterN: 5, untilN: 8, firstNumber: 1 }]);
    await store.save([await update('left', 1, { acknowledged: 3, verifiedVersion: 1 })], tokens);
    expect((await store.unsettled([1])).sort()).toEqual(['owed', 'rewritten', 'timed', 'unverified']);
    expect(await store.unsettled([2])).toEqual(['elsewhere']);
  });

  test('members of a group are the pushed Subscriptions of the shards that take its events now', async () => {
    await side.group(1, 10);
    await side.group(2, 4);
    const open = (groupId: number) => [{ groupId, afterN: 0, firstNumber: 1 }];
    for (const [id, shard, groupId] of [
      ['a', 1, 1],
      ['b', 2, 1],
      ['c', 3, 1],
      ['socket', 1, 1],
      ['moved', 1, 2],
    ] as const) {
      await subscribe(id, shard);
      await side.segments(id, open(groupId));
    }
    await side.segments('moved', [
      { groupId: 1, afterN: 0, untilN: 6, firstNumber: 1 },
      { groupId: 2, afterN: 1, firstNumber: 7 },
    ]);
    await store.save([await update('socket', 1, { pushed: false })], new Map([[1, await side.lease(1)]]));
    const members = async (groups: number[], shards: number[]) =>
      (await store.members(groups, shards))
        .map(({ groupId, lastN, subscriptionIds }) => [groupId, lastN, [...subscriptionIds].sort()] as const)
        .sort(([one], [other]) => one - other);
    expect(await members([1, 2, 9], [1, 2])).toEqual([
      [1, 10, ['a', 'b']],
      [2, 4, ['moved']],
    ]);
    // A group without members of these shards is told of all the same: that is what is known then.
    expect(await members([2], [2])).toEqual([[2, 4, []]]);
  });

  test('a text is found in the newest versions of living Subscriptions alone', async () => {
    const word = 'subscription-rate-limit';
    const found = await subscribe('a', 1, { reason: word });
    await subscribe('b', 1, { reason: word });
    await side.write(maker.put({ resourceType: 'Subscription', id: 'b', reason: 'another' }));
    await subscribe('c', 1, { reason: word });
    await side.write(maker.remove('Subscription', 'c'));
    expect(await store.mentioning(word)).toEqual([found]);
    expect(await store.mentioning('100%')).toEqual([]);
  });
});
