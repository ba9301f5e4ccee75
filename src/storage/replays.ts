import { type EventNumbers, type Replay, type ReplayRequest, Replays } from '../pull/replays.js';
import type { Database } from './database.js';
import { ASK_RESEND, CANCEL_REPLAY, FAILED_BETWEEN, FIND_REPLAY, LIST_REPLAYS, NUMBERS_BETWEEN } from './sql/replays.sql.js';

interface ReplayRow {
  resend_id: bigint;
  kind: Replay['kind'];
  state: 'open' | 'done' | 'cancelled';
  reason: string | null;
  first_number: bigint;
  last_number: bigint;
  next_number: bigint;
  failed_only: boolean;
  rate: number | null;
  asked_count: bigint;
  sent_count: bigint;
  refused_count: bigint;
  gone_count: bigint;
  asked_at: Date;
  finished_at: Date | null;
}

/** Requests of one Subscription that wait at the same time. */
const MOST_WAITING = 10;

export class PostgresReplays extends Replays {
  constructor(private readonly database: Database) {
    super();
  }

  async ask(request: ReplayRequest): Promise<Replay | undefined> {
    const { subscriptionId, first, last, kind, failedOnly, rate, toSockets, asked } = request;
    const values = [subscriptionId, first, last, kind, failedOnly, rate ?? null, toSockets, asked, MOST_WAITING];
    return this.one(await this.database.rows<ReplayRow>(ASK_RESEND, values));
  }

  async numbersBetween(subscriptionId: string, since?: Date, until?: Date): Promise<EventNumbers | undefined> {
    const [row] = await this.database.rows<{ first: bigint | null; last: bigint | null }>(NUMBERS_BETWEEN, [
      subscriptionId,
      since ?? null,
      until ?? null,
    ]);
    return row?.first == null ? undefined : { first: Number(row.first), last: Number(row.last) };
  }

  async failedBetween(
    subscriptionId: string,
    { first, last }: EventNumbers,
  ): Promise<(EventNumbers & { count: number }) | undefined> {
    const [row] = await this.database.rows<{ count: bigint; first: bigint | null; last: bigint | null }>(FAILED_BETWEEN, [
      subscriptionId,
      first,
      last,
    ]);
    return row?.first == null ? undefined : { first: Number(row.first), last: Number(row.last), count: Number(row.count) };
  }

  async find(subscriptionId: string, id: number): Promise<Replay | undefined> {
    return this.one(await this.database.rows<ReplayRow>(FIND_REPLAY, [subscriptionId, id]));
  }

  async list(subscriptionId: string, limit: number): Promise<Replay[]> {
    return (await this.database.rows<ReplayRow>(LIST_REPLAYS, [subscriptionId, limit])).map(replayOf);
  }

  async cancel(subscriptionId: string, id: number, reason: string): Promise<Replay | undefined> {
    await this.database.run(CANCEL_REPLAY, [subscriptionId, id, reason]);
    return this.find(subscriptionId, id);
  }

  private one([row]: readonly ReplayRow[]): Replay | undefined {
    return row && replayOf(row);
  }
}

function replayOf(row: ReplayRow): Replay {
  const [sent, refused, gone] = [Number(row.sent_count), Number(row.refused_count), Number(row.gone_count)];
  return {
    id: Number(row.resend_id),
    kind: row.kind,
    state: row.state === 'open' ? (sent + refused + gone > 0 ? 'sending' : 'waiting') : row.state,
    reason: row.reason ?? undefined,
    first: Number(row.first_number),
    last: Number(row.last_number),
    failedOnly: row.failed_only,
    rate: row.rate ?? undefined,
    next: Number(row.next_number),
    asked: Number(row.asked_count),
    sent,
    refused,
    gone,
    askedAt: row.asked_at,
    finishedAt: row.finished_at ?? undefined,
  };
}
