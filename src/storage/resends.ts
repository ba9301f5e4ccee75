import { type Passage, type Resend, Resends } from '../subscriptions/resends.js';
import type { Database } from './database.js';
import { GIVE_UP_RESEND, NEXT_FAILED, PASS_RESEND, RECENT_RESENDS, WAITING_RESENDS } from './sql/resends.sql.js';

interface ResendRow {
  id: bigint;
  subscription_id: string;
  next_number: bigint;
  last_number: bigint;
  failed_only: boolean;
  rate: number | null;
}

export class PostgresResends extends Resends {
  constructor(private readonly database: Database) {
    super();
  }

  async waiting(shards: readonly number[]): Promise<Resend[]> {
    return (await this.database.rows<ResendRow>(WAITING_RESENDS, [shards])).map(resendOf);
  }

  async recent(subscriptionIds: readonly string[]): Promise<Resend[]> {
    return (await this.database.rows<ResendRow>(RECENT_RESENDS, [subscriptionIds])).map(resendOf);
  }

  async nextFailed(subscriptionId: string, from: number, last: number): Promise<number | undefined> {
    const [row] = await this.database.rows<{ number: bigint }>(NEXT_FAILED, [subscriptionId, from, last]);
    return row && Number(row.number);
  }

  /** What a crash takes from here is sent again under the same id, so the commit need not wait for the disk. */
  async pass({ id, subscriptionId }: Pick<Resend, 'id' | 'subscriptionId'>, passage: Passage): Promise<boolean> {
    const values = [id, subscriptionId, ...stepOf(passage)];
    const [row] = await this.database.transaction((tx) => tx.rows<{ state: string }>(PASS_RESEND, values), { durable: false });
    return row?.state === 'open';
  }

  async giveUp(id: number, reason: string): Promise<void> {
    await this.database.run(GIVE_UP_RESEND, [id, reason]);
  }
}

/** Next number, counts of events sent, refused and gone, first number of those that were tried, reason. */
function stepOf(passage: Passage): [number, number, number, number, number, string | null] {
  switch (passage.kind) {
    case 'sent':
      return [passage.last + 1, passage.last - passage.first + 1, 0, 0, passage.first, null];
    case 'refused':
      return [passage.number + 1, 0, 1, 0, passage.number, passage.reason.replaceAll('\0', '\uFFFD')];
    case 'gone':
      return [passage.next, 0, 0, passage.count, passage.next, null];
  }
}

const resendOf = (row: ResendRow): Resend => ({
  id: Number(row.id),
  subscriptionId: row.subscription_id,
  next: Number(row.next_number),
  last: Number(row.last_number),
  failedOnly: row.failed_only,
  rate: row.rate ?? undefined,
});
