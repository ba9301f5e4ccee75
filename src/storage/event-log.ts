import type { Change, Interaction } from '../fhir/change.js';
import { EventParts } from '../fhir/event-parts.js';
import { EventLog, type GroupEvent, type GroupNews, type GroupRange, type Standing } from '../subscriptions/event-log.js';
import type { Segment } from '../subscriptions/segments.js';
import type { Database } from './database.js';
import { GROUP_LAST_N, READ_GROUP_EVENTS } from './sql/read-group-events.sql.js';
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

interface GroupRow {
  group_id: bigint;
  last_n: bigint;
  topics_written: bigint;
  batch: bigint;
}

/** Most bytes of bodies that one stretch brings into memory at a time. */
const STRETCH_BYTES = 8 * 1024 * 1024;

/** The numbered log in PostgreSQL. */
export class PostgresEventLog extends EventLog {
  constructor(private readonly database: Database) {
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
    const ids = groups.map(({ groupId }) => groupId);
    const afterN = new Map(groups.map((group) => [group.groupId, group.afterN]));
    // In this order: what the counter says was committed is then seen by nobody later than the events.
    const counters = await this.database.rows<GroupRow>(GROUP_LAST_N, [ids]);
    const news = counters.map((row) => ({ groupId: Number(row.group_id), lastN: Number(row.last_n) }));
    const ranges = news.map(({ groupId, lastN }) => ({ groupId, afterN: afterN.get(groupId)!, untilN: lastN }));
    const events = Map.groupBy(await this.read(ranges, limit), ({ groupId }) => groupId);
    return news.map(({ groupId, lastN }, index) => {
      const { topics_written, batch } = counters[index]!;
      return {
        groupId,
        lastN,
        events: events.get(groupId) ?? [],
        topicsWritten: Number(topics_written),
        batch: Number(batch),
      };
    });
  }
}

function eventOf(row: EventRow): GroupEvent {
  const { type, id, version, interaction, method, at, body, happened_at: happenedAt } = row;
  const focus = { type, id, version, interaction, method, at, body, ...(happenedAt === null ? {} : { happenedAt }) };
  return { groupId: Number(row.group_id), n: Number(row.n), focus, parts: new EventParts(focus) };
}

/** Rows of one subscription follow one another, in order. */
export function standingsOf(rows: readonly SegmentRow[]): Standing[] {
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
