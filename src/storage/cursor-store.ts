import {
  type Arrived,
  CursorStore,
  type CursorUpdate,
  type GroupMembers,
  type ServedSubscription,
  type ShardTokens,
} from '../delivery/cursor-store.js';
import type { Change } from '../fhir/change.js';
import { type ChangeRow, changeOf } from './change-row.js';
import type { Database } from './database.js';
import { PostgresEventLog } from './event-log.js';
import {
  ADVANCE_CURSORS,
  DUE_CURSORS,
  GROUP_MEMBERS,
  LOAD_CURSORS,
  SAVE_CURSORS,
  SUBSCRIPTIONS_MENTIONING,
  UNSETTLED_CURSORS,
} from './sql/cursors.sql.js';

interface CursorRow extends ChangeRow {
  subscription_id: string;
  shard: number;
  life: bigint;
  acknowledged: bigint;
  failures: number;
  verified_version: number | null;
  last_error: string | null;
  due_in_ms: string | null;
  sent_ago_ms: string | null;
}

/** Cursors in PostgreSQL. What it loses in a crash is sent again, so its commits need not wait for the disk. */
export class PostgresCursorStore extends CursorStore {
  private readonly events: PostgresEventLog;

  constructor(private readonly database: Database) {
    super();
    this.events = new PostgresEventLog(database);
  }

  async load(subscriptionIds: readonly string[]): Promise<ServedSubscription[]> {
    if (subscriptionIds.length === 0) return [];
    const rows = await this.database.rows<CursorRow>(LOAD_CURSORS, [subscriptionIds]);
    // The standing is read after the resource: a Subscription seen as active then has its open segment in sight or will be announced.
    const standings = await this.events.standings(rows.map((row) => row.subscription_id));
    const byId = new Map(standings.map((standing) => [standing.subscriptionId, standing]));
    return rows.map((row) => ({
      shard: row.shard,
      life: Number(row.life),
      acknowledged: Number(row.acknowledged),
      failures: row.failures,
      dueInMs: row.due_in_ms === null ? undefined : Number(row.due_in_ms),
      verifiedVersion: row.verified_version ?? undefined,
      lastError: row.last_error ?? undefined,
      sentAgoMs: row.sent_ago_ms === null ? undefined : Number(row.sent_ago_ms),
      standing: byId.get(row.subscription_id) ?? { subscriptionId: row.subscription_id, segments: [], groupLastN: 0 },
      resource: changeOf(row),
    }));
  }

  async unsettled(shards: readonly number[]): Promise<string[]> {
    return (await this.database.rows<{ subscription_id: string }>(UNSETTLED_CURSORS, [shards])).map((row) => row.subscription_id);
  }

  async mentioning(text: string): Promise<Change[]> {
    return (await this.database.rows<ChangeRow>(SUBSCRIPTIONS_MENTIONING, [text])).map(changeOf);
  }

  async due(shards: readonly number[], limit: number): Promise<string[]> {
    return (await this.database.rows<{ subscription_id: string }>(DUE_CURSORS, [shards, limit])).map(
      (row) => row.subscription_id,
    );
  }

  async members(groupIds: readonly number[], shards: readonly number[]): Promise<GroupMembers[]> {
    const rows = await this.database.rows<{ group_id: bigint; last_n: bigint; members: string[] }>(GROUP_MEMBERS, [
      groupIds,
      shards,
    ]);
    return rows.map((row) => ({ groupId: Number(row.group_id), lastN: Number(row.last_n), subscriptionIds: row.members }));
  }

  async save(updates: readonly CursorUpdate[], tokens: ShardTokens): Promise<Set<string>> {
    if (updates.length === 0) return new Set();
    const touched = new Set(updates.map(({ shard }) => shard));
    const mine = [...tokens].filter(([shard]) => touched.has(shard));
    const values = [
      mine.map(([shard]) => shard),
      mine.map(([, token]) => token),
      updates.map(({ subscriptionId }) => subscriptionId),
      updates.map(({ acknowledged }) => acknowledged),
      updates.map(({ failures }) => failures),
      updates.map(({ dueInMs }) => dueInMs ?? null),
      updates.map(({ verifiedVersion }) => verifiedVersion ?? null),
      updates.map(({ lastError }) => lastError ?? null),
      updates.map(({ sent }) => sent),
      updates.map(({ pushed }) => pushed),
      updates.map(({ life }) => life),
    ];
    const rows = await this.database.rows<{ subscription_id: string }>(SAVE_CURSORS, values);
    return new Set(rows.map((row) => row.subscription_id));
  }

  async advance(acknowledged: ReadonlyMap<string, Arrived>): Promise<void> {
    if (acknowledged.size === 0) return;
    const arrived = [...acknowledged.values()];
    await this.database.run(ADVANCE_CURSORS, [
      [...acknowledged.keys()],
      arrived.map(({ number }) => number),
      arrived.map(({ life }) => life),
    ]);
  }
}
