import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { LogPosition } from '../../src/fhir/change.js';
import { type EventLedger, LeaseLost, type MatchingLease, type MembershipChange } from '../../src/matching/event-ledger.js';
import { EVERY_PARTITION, PARTITIONS } from '../../src/matching/partitions.js';
import { Database } from '../../src/storage/database.js';
import { PostgresEventLedger } from '../../src/storage/event-ledger.js';
import { cloneDatabase, type TestDatabase } from '../support/clone-database.js';
import { givenEvents } from '../support/given-events.js';
import { waitFor } from '../support/wait-for.js';
import { MemoryEventLedger } from '../support/twins/memory-event-ledger.js';

interface Side {
  ledger: EventLedger;
  given(subscriptionId: string): Promise<readonly LogPosition[]>;
}

/** Of partitions 2 and 3. */
const A = 'aa'.repeat(16);
const B = 'bb'.repeat(16);
const place = (seq: number): LogPosition => ({ epoch: 1, xid: BigInt(seq), seq: BigInt(seq) });
const join = (subscriptionId: string, groupFingerprint: string, afterEvent: number): MembershipChange => ({
  kind: 'join',
  subscriptionId,
  groupFingerprint,
  groupDefinition: `{"group":"${groupFingerprint}"}`,
  afterEvent,
});
const leave = (subscriptionId: string, afterEvent: number): MembershipChange => ({ kind: 'leave', subscriptionId, afterEvent });

describe.each(['twin', 'postgres'])('the event ledger (%s)', (name) => {
  const open: { database: Database; clone: TestDatabase }[] = [];
  let side: Side;

  const fresh = async (): Promise<Side> => {
    if (name === 'twin') {
      const ledger = new MemoryEventLedger();
      return { ledger, given: (id) => Promise.resolve(ledger.given.get(id) ?? []) };
    }
    const clone = await cloneDatabase();
    const database = new Database(clone.url, 4, () => {});
    open.push({ database, clone });
    return { ledger: new PostgresEventLedger(database), given: (id) => givenEvents(database, id) };
  };

  beforeAll(async () => {
    side = await fresh();
  });

  afterAll(async () => {
    for (const { database, clone } of open) {
      await database.close();
      await clone.drop();
    }
  });

  /** Of what was held at one place, as a process with all partitions has them. */
  const commit = async (
    leases: readonly MatchingLease[],
    seq: number,
    events: readonly (readonly [string, number])[],
    memberships: readonly MembershipChange[] = [],
  ): Promise<readonly MatchingLease[]> =>
    side.ledger.commit({
      leases,
      position: place(seq),
      events: events.map(([groupFingerprint, change]) => ({ groupFingerprint, change: place(change) })),
      memberships,
      subscriptionIds: memberships.map(({ subscriptionId }) => subscriptionId),
    });
  const lease = async (process: string, seconds = 60) => (await side.ledger.lease(process, seconds)).held;

  test('one process has all partitions, and keeps its tokens while it renews', async () => {
    const first = await side.ledger.lease('one', 60);
    expect(first.processes).toBe(1);
    expect(first.held.map(({ partition }) => partition)).toEqual(EVERY_PARTITION);
    expect(await lease('one')).toEqual(first.held);
    expect(await side.ledger.lease('two', 60)).toEqual({ processes: 2, held: [] });
    await side.ledger.release('two');
    expect((await side.ledger.lease('one', 60)).processes).toBe(1);
    await side.ledger.release('one');
    const second = await lease('two');
    expect(second).toHaveLength(PARTITIONS);
    expect(second.map(({ token }) => token)).not.toContain(first.held[0]?.token);
    await side.ledger.release('two');
  });

  test('partitions that are given back go to whoever has less than a fair share', async () => {
    await lease('one');
    await lease('two');
    await side.ledger.release('one', [4, 5, 6, 7]);
    expect((await lease('one')).map(({ partition }) => partition)).toEqual([0, 1, 2, 3]);
    expect((await lease('two')).map(({ partition }) => partition)).toEqual([4, 5, 6, 7]);
    expect((await side.ledger.lease('three', 60)).processes).toBe(3);
    await side.ledger.release('one');
    expect((await lease('three')).map(({ partition }) => partition)).toEqual([0, 1, 2, 3]);
    await side.ledger.release('two');
    await side.ledger.release('three');
  });

  test('leases that ran out go to others, under other tokens', async () => {
    const old = await lease('one', 0.05);
    const taken = await waitFor(async () => {
      const held = await lease('two');
      return held.length === PARTITIONS && held;
    });
    expect(taken.filter(({ token }) => old.some((before) => before.token === token))).toEqual([]);
    await side.ledger.release('two');
    await side.ledger.release('one');
  });

  test('a process whose lease of one partition has passed on writes nothing, of none of its partitions', async () => {
    const old = await lease('one');
    await side.ledger.release('one', [5]);
    await lease('two');
    const before = await side.ledger.positions();
    await expect(commit(old, 1, [], [join('fenced', A, 0)])).rejects.toBeInstanceOf(LeaseLost);
    expect(await side.ledger.members(['fenced'])).toEqual(new Map());
    expect(await side.ledger.positions()).toEqual(before);
    await side.ledger.release('one');
    await side.ledger.release('two');
  });

  test('the same batch cannot be committed twice', async () => {
    const leases = await lease('one');
    const moved = await commit(leases, 5, [], [join('twice', A, 0)]);
    await expect(commit(leases, 5, [], [join('twice', A, 0)])).rejects.toBeInstanceOf(LeaseLost);
    const again = await commit(moved, 6, [[A, 6]]);
    await expect(commit(moved, 6, [[A, 6]])).rejects.toBeInstanceOf(LeaseLost);
    expect(await side.given('twice')).toEqual([place(6)]);
    await commit(again, 9, [], [{ kind: 'forget', subscriptionId: 'twice' }]);
    await side.ledger.release('one');
  });

  test('partitions move on each for itself, those of one batch together', async () => {
    const before = await lease('one');
    const [second, third] = [before[2]!, before[3]!];
    await commit([second], 11, [[A, 10]], [join('apart', A, 0)]);
    await commit([third], 12, [[B, 12]]);
    const places = await side.ledger.positions();
    expect(places[2]).toEqual(place(11));
    expect(places[3]).toEqual(place(12));
    expect(places[0]).toEqual(before[0]?.position);
    expect(await side.given('apart')).toEqual([place(10)]);
    const now = await lease('one');
    await commit([now[2]!], 12, []);
    await commit(
      now.filter(({ partition }) => partition !== 2 && partition !== 3),
      12,
      [],
      [{ kind: 'forget', subscriptionId: 'apart' }],
    );
    expect(new Set((await side.ledger.positions()).map(({ seq }) => seq))).toEqual(new Set([12n]));
    await side.ledger.release('one');
  });

  test('a batch with nothing in it moves the position alone', async () => {
    const moved = await commit(await lease('one'), 20, []);
    expect(new Set(moved.map(({ position }) => position.seq))).toEqual(new Set([20n]));
    expect(await lease('one')).toEqual(moved);
    await side.ledger.release('one');
  });

  test('a join takes effect between the events it stands between, and a leave likewise', async () => {
    let leases = await lease('one');
    leases = await commit(
      leases,
      30,
      [
        [A, 21],
        [A, 22],
        [A, 23],
      ],
      [join('y', A, 0), join('x', A, 1), leave('y', 2)],
    );
    expect(await side.given('x')).toEqual([place(22), place(23)]);
    expect(await side.given('y')).toEqual([place(21), place(22)]);
    await commit(
      leases,
      40,
      [
        [A, 31],
        [B, 32],
        [B, 33],
      ],
      [leave('x', 1), join('x', B, 2)],
    );
    expect(await side.given('x')).toEqual([place(22), place(23), place(31), place(33)]);
    await side.ledger.release('one');
  });

  test('a deleted subscription is forgotten, and one made anew under its id begins at 1', async () => {
    let leases = await lease('one');
    leases = await commit(leases, 50, [[A, 41]], [join('z', A, 0)]);
    leases = await commit(leases, 60, [[A, 51]], [{ kind: 'forget', subscriptionId: 'z' }]);
    expect(await side.given('z')).toEqual([]);
    await commit(
      leases,
      70,
      [
        [A, 61],
        [A, 62],
      ],
      [{ kind: 'forget', subscriptionId: 'z' }, join('z', A, 1)],
    );
    expect(await side.given('z')).toEqual([place(62)]);
    await side.ledger.release('one');
  });

  test('what is known of subscriptions is the group each takes events of, and the last one it had', async () => {
    await commit(await lease('one'), 80, [], [join('m', A, 0), join('n', B, 0), leave('n', 0)]);
    expect(await side.ledger.members(['m', 'n', 'nobody'])).toEqual(
      new Map([
        ['m', { open: A, last: A }],
        ['n', { open: undefined, last: B }],
      ]),
    );
    await side.ledger.release('one');
  });

  test('groups are told by partition, with their definition and how many take their events, empty ones left out', async () => {
    const fresher = await fresh();
    const { held } = await fresher.ledger.lease('one', 60);
    const C = 'ca'.repeat(16);
    await fresher.ledger.commit({
      leases: held,
      position: place(1),
      events: [],
      memberships: [
        join('a', A, 0),
        join('b', B, 0),
        join('c', C, 0),
        join('d', A, 0),
        join('e', B, 0),
        leave('b', 0),
        leave('e', 0),
      ],
      subscriptionIds: [],
    });
    const groups = async (partitions: number[]) => (await Array.fromAsync(fresher.ledger.groups(partitions))).flat();
    expect(await groups([2])).toEqual([
      expect.objectContaining({ fingerprint: A, definition: `{"group":"${A}"}`, subscribers: 2 }),
      expect.objectContaining({ fingerprint: C, subscribers: 1 }),
    ]);
    expect(await groups([3, 4])).toEqual([]);
  });

  test('numbers are gapless and right under any interleaving of joins, leaves, deletes and events', async () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('event' as const), group: fc.constantFrom(A, B) }) },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constant('join' as const),
          id: fc.constantFrom('p', 'q', 'r'),
          group: fc.constantFrom(A, B),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), id: fc.constantFrom('p', 'q', 'r') }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const), id: fc.constantFrom('p', 'q', 'r') }) },
      { weight: 1, arbitrary: fc.constant({ kind: 'commit' as const }) },
    );
    let seq = 1000;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        let leases = await lease('one');
        const model = new Map<string, { group?: string; given: LogPosition[] }>();
        leases = await commit(
          leases,
          ++seq,
          [],
          ['p', 'q', 'r'].map((subscriptionId) => ({ kind: 'forget', subscriptionId })),
        );
        let events: (readonly [string, number])[] = [];
        let changes: MembershipChange[] = [];
        for (const one of [...steps, { kind: 'commit' as const }]) {
          if (one.kind === 'event') {
            events.push([one.group, ++seq]);
            for (const member of model.values()) if (member.group === one.group) member.given.push(place(seq));
          } else if (one.kind === 'commit') {
            leases = await commit(leases, ++seq, events, changes);
            events = [];
            changes = [];
          } else if (one.kind === 'join') {
            const member = model.get(one.id) ?? { given: [] };
            model.set(one.id, { ...member, group: one.group });
            changes.push(join(one.id, one.group, events.length));
          } else if (one.kind === 'leave') {
            const member = model.get(one.id);
            if (member !== undefined) delete member.group;
            changes.push(leave(one.id, events.length));
          } else {
            model.delete(one.id);
            changes.push({ kind: 'forget', subscriptionId: one.id });
          }
        }
        for (const id of ['p', 'q', 'r']) expect(await side.given(id)).toEqual(model.get(id)?.given ?? []);
      }),
      { numRuns: 60 },
    );
    await side.ledger.release('one');
  });
});
