import {
  type Arrived,
  CursorStore,
  type CursorUpdate,
  type GroupMembers,
  type ServedSubscription,
  type ShardTokens,
} from '../../../src/delivery/cursor-store.js';
import type { Change } from '../../../src/fhir/change.js';
import { latestNumber, openSegment, type Segment } from '../../../src/subscriptions/segments.js';

interface Cursor {
  shard: number;
  life: number;
  acknowledged: number;
  failures: number;
  /** In milliseconds since 1970, as all times here. */
  dueAt?: number;
  verifiedVersion?: number;
  lastError?: string;
  sentAt?: number;
  pushed: boolean;
}

/** Cursors in memory. What other stages write is put into `resources`, `segments`, `groups` (where each stands) and `tokens` by hand. */
export class MemoryCursorStore extends CursorStore {
  readonly resources = new Map<string, Change>();
  readonly segments = new Map<string, readonly Segment[]>();
  readonly groups = new Map<number, number>();
  readonly tokens = new Map<number, string>();
  private readonly cursors = new Map<string, Cursor>();
  private lives = 0;

  make(subscriptionId: string, shard: number): void {
    this.cursors.set(subscriptionId, { shard, life: ++this.lives, acknowledged: 0, failures: 0, pushed: true });
  }

  forget(subscriptionId: string): void {
    this.cursors.delete(subscriptionId);
  }

  load(subscriptionIds: readonly string[]): Promise<ServedSubscription[]> {
    const now = Date.now();
    return Promise.resolve(
      subscriptionIds.flatMap((id) => {
        const cursor = this.cursors.get(id);
        const resource = this.resources.get(id);
        if (!cursor || !resource) return [];
        const { shard, life, acknowledged, failures, verifiedVersion, lastError, dueAt, sentAt } = cursor;
        const dueInMs = dueAt === undefined ? undefined : dueAt - now;
        const sentAgoMs = sentAt === undefined ? undefined : now - sentAt;
        const standing = { subscriptionId: id, segments: this.segmentsOf(id), groupLastN: this.groupLastN(id) };
        return [{ shard, life, acknowledged, failures, verifiedVersion, lastError, dueInMs, sentAgoMs, standing, resource }];
      }),
    );
  }

  unsettled(shards: readonly number[]): Promise<string[]> {
    const wanting = this.within(shards).filter(([id, { dueAt, verifiedVersion, pushed, acknowledged }]) => {
      const resource = this.resources.get(id);
      if (!resource || resource.body === null) return false;
      const owed = latestNumber(this.segmentsOf(id), this.groupLastN(id)) > acknowledged;
      return dueAt !== undefined || verifiedVersion !== resource.version || (pushed && owed);
    });
    return Promise.resolve(wanting.map(([id]) => id));
  }

  mentioning(text: string): Promise<Change[]> {
    return Promise.resolve([...this.resources.values()].filter(({ body }) => body?.includes(text)));
  }

  due(shards: readonly number[], limit: number): Promise<string[]> {
    const now = Date.now();
    const due = this.within(shards).filter(([, { dueAt }]) => dueAt !== undefined && dueAt <= now);
    due.sort(([, one], [, other]) => one.dueAt! - other.dueAt!);
    return Promise.resolve(due.slice(0, limit).map(([id]) => id));
  }

  members(groupIds: readonly number[], shards: readonly number[]): Promise<GroupMembers[]> {
    const pushed = this.within(shards).filter(([, cursor]) => cursor.pushed);
    return Promise.resolve(
      groupIds.flatMap((groupId) => {
        const lastN = this.groups.get(groupId);
        if (lastN === undefined) return [];
        const members = pushed.filter(([id]) => openSegment(this.segmentsOf(id))?.groupId === groupId);
        return [{ groupId, lastN, subscriptionIds: members.map(([id]) => id) }];
      }),
    );
  }

  save(updates: readonly CursorUpdate[], tokens: ShardTokens): Promise<Set<string>> {
    const now = Date.now();
    const written = new Set<string>();
    for (const { subscriptionId, life, shard, acknowledged, dueInMs, sent, ...rest } of updates) {
      const cursor = this.cursors.get(subscriptionId);
      const token = tokens.get(shard);
      if (cursor?.life !== life || token === undefined || this.tokens.get(shard) !== token) continue;
      Object.assign(cursor, { verifiedVersion: undefined, lastError: undefined }, rest);
      cursor.acknowledged = Math.max(cursor.acknowledged, acknowledged);
      cursor.dueAt = dueInMs === undefined ? undefined : now + dueInMs;
      if (sent) cursor.sentAt = now;
      written.add(subscriptionId);
    }
    return Promise.resolve(written);
  }

  advance(acknowledged: ReadonlyMap<string, Arrived>): Promise<void> {
    for (const [id, { life, number }] of acknowledged) {
      const cursor = this.cursors.get(id);
      if (cursor?.life !== life || number <= cursor.acknowledged) continue;
      cursor.acknowledged = number;
      cursor.sentAt = Date.now();
    }
    return Promise.resolve();
  }

  private within(shards: readonly number[]): [string, Cursor][] {
    return [...this.cursors].filter(([, { shard }]) => shards.includes(shard));
  }

  private segmentsOf(id: string): readonly Segment[] {
    return this.segments.get(id) ?? [];
  }

  private groupLastN(id: string): number {
    const open = openSegment(this.segmentsOf(id));
    return open ? (this.groups.get(open.groupId) ?? 0) : 0;
  }
}
