import type { Change, Interaction } from '../fhir/change.js';
import { EventParts } from '../fhir/event-parts.js';
import { EventLog, type GroupEvent, type GroupNews, type GroupRange, type Standing } from '../subscriptions/event-log.js';
import type { Segment } from '../subscriptions/segments.js';
import type { Database } from './database.js';
import { RecentVersions } from './recent-versions.js';
import { GROUP_NEWS } from './sql/group-news.sql.js';
import { READ_GROUP_EVENTS } from './sql/read-group-events.sql.js';
import { STANDINGS } from './sql/standings.sql.js';

interface EventRow {
  group_id: bigint;
  n: bigint;
  type: string;
  id: string;
  version: number;
  interaction: Interaction;
  method: Change['method'];
  at: Date;
  body: string | null;
  /** Of a coded event. */
  happened_at: Date | null;
}

interface SegmentRow {
  subscription_id: string;
  group_id: bigint;
  after_n: bigint;
  until_n: bigint | null;
  first_number: bigint;
  last_n: bigint | null;
  gone_n: bigint | null;
}

interface NewsRow {
  group_id: bigint;
  last_n: bigint;
  topics_written: bigint;
  batch: bigint;
  /** Null, as what follows, where the group has nothing new. */
  n: bigint | null;
  epoch: number;
  xid: bigint;
  seq: bigint;
  happened_at: Date | null;
}

/** Most bytes of bodies that one stretch brings into memory at a time. */
const STRETCH_BYTES = 8 * 1024 * 1024;

/** The numbered log in PostgreSQL. */
export class PostgresEventLog extends EventLog {
  constructor(
    private readonly database: Database,
    private readonly recent = new RecentVersions(),
  ) {
    super();
  }

  async standings(subscriptionIds: readonly string[]): Promise<Standing[]> {
    if (subscriptionIds.length === 0) return [];
    return standingsOf(await this.database.rows<SegmentRow>(STANDINGS, [subscriptionIds]));
  }

  async read(ranges: readonly GroupRange[], limit: number): Promise<GroupEvent[]> {
    if (ranges.length === 0) return [];
    const rows = await this.database.rows<EventRow>(READ_GROUP_EVENTS, [
      ranges.map(({ groupId }) => groupId),
      ranges.map(({ afterN }) => afterN),
      ranges.map(({ untilN }) => untilN),
      limit,
      STRETCH_BYTES,
    ]);
    return rows.map(eventOf);
  }

  async news(groups: readonly { groupId: number; afterN: number }[], limit: number): Promise<GroupNews[]> {
    if (groups.length === 0) return [];
    const rows = await this.database.rows<NewsRow>(GROUP_NEWS, [
      groups.map(({ groupId }) => groupId),
      groups.map(({ afterN }) => afterN),
      limit,
    ]);
    const news = newsOf(rows, this.recent);
    // What has left the memory, or was stored by another process, is read.
    const asked = new Map(groups.map(({ groupId, afterN }) => [groupId, afterN]));
    const ranges = news.flatMap(({ groupId, lastN, events }) =>
      events === undefined ? [{ groupId, afterN: asked.get(groupId)!, untilN: lastN }] : [],
    );
    const read = Map.groupBy(await this.read(ranges, limit), ({ groupId }) => groupId);
    return news.map(({ events, ...group }) => ({ ...group, events: events ?? read.get(group.groupId) ?? [] }));
  }
}

/** Rows of one group follow one another, in order. `events` is absent where one of them is not in memory. */
function newsOf(rows: readonly NewsRow[], recent: RecentVersions) {
  const news: (Omit<GroupNews, 'events'> & { events?: GroupEvent[] })[] = [];
  for (const row of rows) {
    const groupId = Number(row.group_id);
    let group = news.at(-1);
    if (group?.groupId !== groupId) {
      const { last_n: lastN, topics_written: topicsWritten, batch } = row;
      group = { groupId, lastN: Number(lastN), topicsWritten: Number(topicsWritten), batch: Number(batch), events: [] };
      news.push(group);
    }
    if (row.n === null) continue;
    const version = recent.at(row);
    if (version === undefined) delete group.events;
    else group.events?.push(eventOf({ ...version, group_id: row.group_id, n: row.n, happened_at: row.happened_at }));
  }
  return news;
}

function eventOf(row: EventRow): GroupEvent {
  const { type, id, version, interaction, method, at, body, happened_at: happenedAt } = row;
  const focus = { type, id, version, interaction, method, at, body, ...(happenedAt === null ? {} : { happenedAt }) };
  return { groupId: Number(row.group_id), n: Number(row.n), focus, parts: new EventParts(focus) };
}

/** Rows of one subscription follow one another, in order. */
function standingsOf(rows: readonly SegmentRow[]): Standing[] {
  const standings: (Standing & { segments: Segment[] })[] = [];
  for (const row of rows) {
    let standing = standings.at(-1);
    if (standing?.subscriptionId !== row.subscription_id) {
      standing = { subscriptionId: row.subscription_id, segments: [], groupLastN: 0 };
      standings.push(standing);
    }
    standing.segments.push({
      groupId: Number(row.group_id),
      afterN: Number(row.after_n),
      ...(row.until_n === null ? {} : { untilN: Number(row.until_n) }),
      firstNumber: Number(row.first_number),
      ...(row.gone_n === null || row.gone_n === 0n ? {} : { goneN: Number(row.gone_n) }),
    });
    if (row.last_n !== null) standing.groupLastN = Number(row.last_n);
  }
  return standings;
}
