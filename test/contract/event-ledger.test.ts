import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { LogPosition } from '../../src/fhir/change.js';
import { type EventLedger, LeaseLost, type MatchingLease, type MembershipChange } from '../../src/matching/event-ledger.js';
import { Database } from '../../src/storage/database.js';
import { PostgresEventLedger } from '../../src/storage/event-ledger.js';
import { cloneDatabase, type TestDatabase } from '../support/clone-database.js';
import { givenEvents } from '../support/given-events.js';
import { MemoryEventLedger } from '../support/twins/memory-event-ledger.js';

interface Side {
  ledger: EventLedger;
  given(subscriptionId: string): Promise<readonly LogPosition[]>;
}

const A = 'aa'.repeat(16);
const B = 'bb'.repeat(16);
const place = (seq: number): LogPosition => ({ epoch: 1, xid: BigInt(seq), seq: BigInt(seq) });
const join = (subscriptionId: string, groupFingerprint: string, afterEvent: number): MembershipChange => ({
  kind: 'join',
  subscriptionId,
  face: 'r4b',
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

  const commit = async (
    lease: MatchingLease,
    seq: number,
    events: readonly (readonly [string, number])[],
    memberships: readonly MembershipChange[] = [],
  ): Promise<MatchingLease> =>
    side.ledger.commit({
      lease,
      position: place(seq),
      events: events.map(([groupFingerprint, change]) => ({ groupFingerprint, change: place(change) })),
      memberships,
      subscriptionIds: memberships.map(({ subscriptionId }) => subscriptionId),
    });

  test('only one process matches at a time, and it keeps its token while it renews', async () => {
    const first = await side.ledger.lease('one', 60);
    expect(first).toBeDefined();
    expect(await side.ledger.lease('two', 60)).toBeUndefined();
    expect((await side.ledger.lease('one', 60))?.token).toBe(first?.token);
    await side.ledger.release('two');
    expect(await side.ledger.lease('two', 60)).toBeUndefined();
    await side.ledger.release('one');
    const second = await side.ledger.lease('two', 60);
    expect(second?.token).not.toBe(first?.token);
    await side.ledger.release('two');
  });

  test('a process whose lease has passed on writes nothing', async () => {
    const old = (await side.ledger.lease('one', 60))!;
    await side.ledger.release('one');
    const now = (await side.ledger.lease('two', 60))!;
    await expect(commit(old, 1, [], [join('fenced', A, 0)])).rejects.toBeInstanceOf(LeaseLost);
    expect(await memberIds(side.ledger)).not.toContain('fenced');
    expect((await side.ledger.lease('two', 60))?.position).toEqual(now.position);
    await side.ledger.release('two');
  });

  test('the same batch cannot be committed twice', async () => {
    const lease = (await side.ledger.lease('one', 60))!;
    const moved = await commit(lease, 5, [], [join('twice', A, 0)]);
    await expect(commit(lease, 5, [], [join('twice', A, 0)])).rejects.toBeInstanceOf(LeaseLost);
    const again = await commit(moved, 6, [[A, 6]]);
    await expect(commit(moved, 6, [[A, 6]])).rejects.toBeInstanceOf(LeaseLost);
    expect(await side.given('twice')).toEqual([place(6)]);
    await commit(again, 9, [], [{ kind: 'forget', subscriptionId: 'twice' }]);
    await side.ledger.release('one');
  });

  test('a batch with nothing in it moves the position alone', async () => {
    const lease = (await side.ledger.lease('one', 60))!;
    const moved = await commit(lease, 20, []);
    expect(moved).toMatchObject({ position: place(20), batch: lease.batch });
    expect(await side.ledger.lease('one', 60)).toEqual(moved);
    await side.ledger.release('one');
  });

  test('a join takes effect between the events it stands between, and a leave likewise', async () => {
    let lease = (await side.ledger.lease('one', 60))!;
    lease = await commit(
      lease,
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
      lease,
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
    let lease = (await side.ledger.lease('one', 60))!;
    lease = await commit(lease, 50, [[A, 41]], [join('z', A, 0)]);
    lease = await commit(lease, 60, [[A, 51]], [{ kind: 'forget', subscriptionId: 'z' }]);
    expect(await side.given('z')).toEqual([]);
    await commit(
      lease,
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

  test('memberships tell the group each subscription takes events of', async () => {
    const lease = (await side.ledger.lease('one', 60))!;
    await commit(lease, 80, [], [join('m', A, 0), join('n', B, 0), leave('n', 0)]);
    const members = new Map(
      (await memberships(side.ledger)).map(({ subscriptionId, groupFingerprint }) => [subscriptionId, groupFingerprint]),
    );
    expect(members.get('m')).toBe(A);
    expect(members.has('n')).toBe(false);
    await side.ledger.release('one');
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
        let lease = (await side.ledger.lease('one', 60))!;
        const model = new Map<string, { group?: string; given: LogPosition[] }>();
        lease = await commit(
          lease,
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
            lease = await commit(lease, ++seq, events, changes);
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

async function memberships(ledger: EventLedger) {
  return (await Array.fromAsync(ledger.memberships())).flat();
}

async function memberIds(ledger: EventLedger): Promise<string[]> {
  return (await memberships(ledger)).map(({ subscriptionId }) => subscriptionId);
}
