import type { LogPosition } from '../fhir/change.js';
import {
  EventLedger,
  type KnownMember,
  LeaseLost,
  type MatchedBatch,
  type MatchingLease,
  type MatchingShare,
  type StandingGroup,
} from '../matching/event-ledger.js';
import { type OrdinalSegment, playSteps, type SegmentStep } from '../subscriptions/membership-steps.js';
import type { Database, Queryable } from './database.js';
import { COMMIT_BATCH } from './sql/commit-batch.sql.js';
import { LEASE_MATCHING, LEAVE_MATCHING, MATCHING_POSITIONS, RELEASE_MATCHING } from './sql/lease-matching.sql.js';
import {
  FORGET_SUBSCRIPTIONS,
  GROUPS_CONCERNED,
  KNOWN_MEMBERS,
  LAST_SEGMENTS,
  MAKE_CURSORS,
  MAKE_GROUPS,
  SAVE_SEGMENTS,
  STANDING_GROUPS,
} from './sql/memberships.sql.js';
import { MOVE_MATCHING_POSITION } from './sql/move-matching-position.sql.js';
import { RECORD_EVENTS } from './sql/record-events.sql.js';

interface PositionRow extends LogPosition {
  partition: number;
}

interface SegmentRow {
  subscription_id: string;
  ordinal: number;
  group_id: bigint;
  after_n: bigint;
  until_n: bigint | null;
  first_number: bigint;
}

interface GroupRow extends StandingGroup {
  group_id: bigint;
}

const GROUP_PAGE = 2_000;

/**
 * The numbered log in PostgreSQL, written by matching. A batch is one transaction that need not wait for the disk: what a crash takes is
 * matched again from the change log, with the same result.
 */
export class PostgresEventLedger extends EventLedger {
  private leaseSeconds = 4;

  constructor(private readonly database: Database) {
    super();
  }

  async lease(process: string, seconds: number): Promise<MatchingShare> {
    this.leaseSeconds = seconds;
    const rows = await this.database.rows<{ processes: number } & ({ partition: null } | (PositionRow & { token: string }))>(
      LEASE_MATCHING,
      [process, seconds],
    );
    const held = rows.flatMap((row): MatchingLease[] =>
      row.partition === null ? [] : [{ partition: row.partition, token: row.token, position: positionOf(row) }],
    );
    return { held, processes: rows[0]!.processes };
  }

  async release(process: string, partitions?: readonly number[]): Promise<void> {
    if (partitions === undefined) await this.database.run(LEAVE_MATCHING, [process]);
    else await this.database.run(RELEASE_MATCHING, [process, partitions]);
  }

  async positions(): Promise<readonly LogPosition[]> {
    return (await this.database.rows<PositionRow>(MATCHING_POSITIONS)).map(positionOf);
  }

  async commit(batch: MatchedBatch): Promise<readonly MatchingLease[]> {
    const { leases, position, memberships } = batch;
    const from = leases[0]?.position;
    if (from === undefined) throw new LeaseLost();
    const move = [
      leases.map(({ partition }) => partition),
      leases.map(({ token }) => token),
      from.epoch,
      from.xid,
      from.seq,
      position.epoch,
      position.xid,
      position.seq,
      this.leaseSeconds,
    ];
    if (memberships.length === 0) {
      const [row] = await this.database.rows<{ moved: number }>(COMMIT_BATCH, [...move, ...eventsOf(batch)]);
      if (row?.moved !== leases.length) throw new LeaseLost();
    } else {
      await this.database.transaction(
        async (tx) => {
          if ((await tx.rows(MOVE_MATCHING_POSITION, move)).length < leases.length) throw new LeaseLost();
          await recordMemberships(tx, batch);
          await tx.run(RECORD_EVENTS, eventsOf(batch));
        },
        { durable: false },
      );
    }
    return leases.map((lease) => ({ ...lease, position }));
  }

  /** The next page is asked for while one is worked on. */
  async *groups(partitions: readonly number[]): AsyncIterable<readonly StandingGroup[]> {
    const pageAfter = (id: bigint) => this.database.rows<GroupRow>(STANDING_GROUPS, [partitions, id, GROUP_PAGE]);
    let asked: Promise<GroupRow[]> | undefined = pageAfter(0n);
    while (asked !== undefined) {
      const rows: GroupRow[] = await asked;
      const last = rows.at(-1);
      asked = last === undefined || rows.length < GROUP_PAGE ? undefined : pageAfter(last.group_id);
      // Whoever stops early leaves it unread.
      asked?.catch(() => undefined);
      yield rows;
    }
  }

  async members(subscriptionIds: readonly string[]): Promise<ReadonlyMap<string, KnownMember>> {
    if (subscriptionIds.length === 0) return new Map();
    const rows = await this.database.rows<{ subscription_id: string; fingerprint: string; open: boolean }>(KNOWN_MEMBERS, [
      subscriptionIds,
    ]);
    return new Map(
      rows.map(({ subscription_id: id, fingerprint, open }) => [id, { open: open ? fingerprint : undefined, last: fingerprint }]),
    );
  }
}

function positionOf({ epoch, xid, seq }: LogPosition): LogPosition {
  return { epoch, xid, seq };
}

/** Parameters of numbered-events. */
function eventsOf({ events, memberships, subscriptionIds }: MatchedBatch): unknown[] {
  const counts = new Map<string, number>();
  const places = events.map(({ groupFingerprint }) => {
    const place = (counts.get(groupFingerprint) ?? 0) + 1;
    counts.set(groupFingerprint, place);
    return place;
  });
  return [
    byteas(counts.keys()),
    [...counts.values()],
    byteas(events.map(({ groupFingerprint }) => groupFingerprint)),
    places,
    events.map(({ change }) => change.epoch),
    events.map(({ change }) => change.xid),
    events.map(({ change }) => change.seq),
    events.map(({ happenedAt }) => happenedAt ?? null),
    subscriptionIds,
    events.length + memberships.length + subscriptionIds.length > 0,
  ];
}

/** Before the events are counted: `n` of a membership is what its group had before the batch and what precedes it within. */
async function recordMemberships(tx: Queryable, batch: MatchedBatch): Promise<void> {
  const joins = batch.memberships.filter((change) => change.kind === 'join');
  const definitions = new Map(joins.map(({ groupFingerprint, groupDefinition }) => [groupFingerprint, groupDefinition]));
  const ids = [...new Set(batch.memberships.map(({ subscriptionId }) => subscriptionId))];
  if (definitions.size > 0) await tx.run(MAKE_GROUPS, [byteas(definitions.keys()), [...definitions.values()]]);
  const groups = await tx.rows<{ group_id: bigint; fingerprint: Buffer; last_n: bigint }>(GROUPS_CONCERNED, [
    byteas(definitions.keys()),
    ids,
  ]);
  const lastSegments = await tx.rows<SegmentRow>(LAST_SEGMENTS, [ids]);

  const outcomes = playAll(
    batch,
    groups.map((row) => ({
      groupId: Number(row.group_id),
      fingerprint: row.fingerprint.toString('hex'),
      lastN: Number(row.last_n),
    })),
    new Map(lastSegments.map((row) => [row.subscription_id, segmentOf(row)])),
  );

  const forgotten = outcomes.filter(({ outcome }) => outcome.forgotten).map(({ id }) => id);
  if (forgotten.length > 0) await tx.run(FORGET_SUBSCRIPTIONS, [forgotten]);
  const rows = outcomes.flatMap(({ id, outcome }) => outcome.segments.map((segment) => ({ id, segment })));
  if (rows.length > 0) {
    await tx.run(SAVE_SEGMENTS, [
      rows.map(({ id }) => id),
      rows.map(({ segment }) => segment.ordinal),
      rows.map(({ segment }) => segment.groupId),
      rows.map(({ segment }) => segment.afterN),
      rows.map(({ segment }) => segment.untilN ?? null),
      rows.map(({ segment }) => segment.firstNumber),
    ]);
  }
  const joined = outcomes.filter(({ outcome }) => outcome.joined).map(({ id }) => id);
  if (joined.length > 0) await tx.run(MAKE_CURSORS, [joined]);
}

interface GroupCount {
  groupId: number;
  fingerprint: string;
  lastN: number;
}

function playAll(batch: MatchedBatch, groups: readonly GroupCount[], last: ReadonlyMap<string, OrdinalSegment>) {
  const byFingerprint = new Map(groups.map((group) => [group.fingerprint, group]));
  const byId = new Map(groups.map((group) => [group.groupId, group]));
  const countBefore = counterOf(batch.events);
  const nAt = (group: GroupCount, afterEvent: number) => group.lastN + countBefore(group.fingerprint, afterEvent);

  const steps = Map.groupBy(batch.memberships, ({ subscriptionId }) => subscriptionId);
  return [...steps].map(([id, changes]) => {
    const before = last.get(id);
    let open = before !== undefined && before.untilN === undefined ? byId.get(before.groupId) : undefined;
    const played = changes.flatMap((change): SegmentStep[] => {
      const left = open;
      open = undefined;
      if (change.kind === 'forget') return [{ kind: 'forget' }];
      const leave: SegmentStep[] = left === undefined ? [] : [{ kind: 'leave', n: nAt(left, change.afterEvent) }];
      if (change.kind === 'leave') return leave;
      open = byFingerprint.get(change.groupFingerprint);
      if (open === undefined) throw new Error('A group that is joined has been made before');
      const join: SegmentStep = { kind: 'join', groupId: open.groupId, n: nAt(open, change.afterEvent) };
      return left?.groupId === open.groupId ? [join] : [...leave, join];
    });
    return { id, outcome: playSteps(before, played) };
  });
}

/** How many of the first `until` events are of a group; asked in any order, built once. */
function counterOf(events: MatchedBatch['events']): (fingerprint: string, until: number) => number {
  const places = new Map<string, number[]>();
  events.forEach(({ groupFingerprint }, index) => {
    const list = places.get(groupFingerprint);
    if (list === undefined) places.set(groupFingerprint, [index]);
    else list.push(index);
  });
  return (fingerprint: string, until: number) => {
    const list = places.get(fingerprint) ?? [];
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((list[middle] ?? Infinity) < until) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

function segmentOf(row: SegmentRow): OrdinalSegment {
  return {
    ordinal: row.ordinal,
    groupId: Number(row.group_id),
    afterN: Number(row.after_n),
    ...(row.until_n === null ? {} : { untilN: Number(row.until_n) }),
    firstNumber: Number(row.first_number),
  };
}

/** As array elements of bytea: pg itself would escape Buffers inside arrays one by one. */
function byteas(fingerprints: Iterable<string>): string[] {
  return Array.from(fingerprints, (fingerprint) => `\\x${fingerprint}`);
}
