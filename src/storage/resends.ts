import { type Resend, Resends } from '../subscriptions/resends.js';
import type { Database } from './database.js';
import { ADVANCE_RESEND, ASK_RESEND, END_RESEND, NUMBERS_BETWEEN, RECENT_RESENDS, WAITING_RESENDS } from './sql/resends.sql.js';

interface ResendRow {
  id: bigint;
  subscription_id: string;
  next_number: bigint;
  last_number: bigint;
}

/** Requests of one Subscription that wait at the same time. */
const MOST_WAITING = 10;

export class PostgresResends extends Resends {
  constructor(private readonly database: Database) {
    super();
  }

  async ask(subscriptionId: string, first: number, last: number): Promise<Resend | undefined> {
    const [row] = await this.database.rows<ResendRow>(ASK_RESEND, [subscriptionId, first, last, MOST_WAITING]);
    return row && resendOf(row);
  }

  async numbersBetween(subscriptionId: string, since?: Date, until?: Date): Promise<{ first: number; last: number } | undefined> {
    const [row] = await this.database.rows<{ first: bigint | null; last: bigint | null }>(NUMBERS_BETWEEN, [
      subscriptionId,
      since ?? null,
      until ?? null,
    ]);
    return row?.first == null ? undefined : { first: Number(row.first), last: Number(row.last) };
  }

  async waiting(shards: readonly number[]): Promise<Resend[]> {
    return (await this.database.rows<ResendRow>(WAITING_RESENDS, [shards])).map(resendOf);
  }

  async recent(subscriptionIds: readonly string[]): Promise<Resend[]> {
    return (await this.database.rows<ResendRow>(RECENT_RESENDS, [subscriptionIds])).map(resendOf);
  }

  async advance(id: number, next: number): Promise<void> {
    await this.database.run(ADVANCE_RESEND, [id, next]);
    await this.database.run(END_RESEND, [id, next]);
  }
}

const resendOf = (row: ResendRow): Resend => ({
  id: Number(row.id),
  subscriptionId: row.subscription_id,
  next: Number(row.next_number),
  last: Number(row.last_number),
});
