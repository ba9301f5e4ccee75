import {
  type AttemptFilter,
  type AttemptPlace,
  DeliveryRecord,
  type RecordedAttempt,
  type RecordedLetter,
} from '../pull/delivery-record.js';
import type { Database } from './database.js';
import { READ_ATTEMPTS, READ_LETTERS } from './sql/attempts.sql.js';

interface AttemptRow {
  at_us: bigint;
  attempt_id: bigint;
  at: Date;
  kind: string;
  first_number: bigint | null;
  last_number: bigint | null;
  outcome: string;
  http_status: number | null;
  milliseconds: number;
  reason: string | null;
  detail: string | null;
  next_at: Date | null;
  resend_id: bigint | null;
}

interface LetterRow {
  number: bigint;
  at: Date;
  reason: string;
  sent_again: number;
  refused_at: Date | null;
  resolved_at: Date | null;
}

export class PostgresDeliveryRecord extends DeliveryRecord {
  constructor(private readonly database: Database) {
    super();
  }

  async attempts(
    subscriptionId: string,
    { outcome, since, until, number }: AttemptFilter,
    count: number,
    after?: AttemptPlace,
  ): Promise<{ attempts: RecordedAttempt[]; next?: AttemptPlace }> {
    const rows = await this.database.rows<AttemptRow>(READ_ATTEMPTS, [
      subscriptionId,
      outcome ?? null,
      since ?? null,
      until ?? null,
      number ?? null,
      after?.atMicroseconds ?? 0,
      after?.id ?? 0,
      after !== undefined,
      count + 1,
    ]);
    const shown = rows.slice(0, count);
    const last = rows.length > count ? shown.at(-1) : undefined;
    return {
      attempts: shown.map(attemptOf),
      next: last && { atMicroseconds: Number(last.at_us), id: Number(last.attempt_id) },
    };
  }

  async letters(
    subscriptionId: string,
    resolved: boolean | undefined,
    count: number,
    below?: number,
  ): Promise<{ letters: RecordedLetter[]; next?: number }> {
    const rows = await this.database.rows<LetterRow>(READ_LETTERS, [subscriptionId, resolved ?? null, below ?? null, count + 1]);
    const letters = rows.slice(0, count).map(letterOf);
    return { letters, next: rows.length > count ? letters.at(-1)?.number : undefined };
  }
}

const numberOf = (value: bigint | null): number | undefined => (value === null ? undefined : Number(value));

const attemptOf = (row: AttemptRow): RecordedAttempt => ({
  at: row.at,
  kind: row.kind,
  firstNumber: numberOf(row.first_number),
  lastNumber: numberOf(row.last_number),
  outcome: row.outcome,
  httpStatus: row.http_status ?? undefined,
  milliseconds: row.milliseconds,
  reason: row.reason ?? undefined,
  excerpt: row.detail ?? undefined,
  nextAt: row.next_at ?? undefined,
  replay: numberOf(row.resend_id),
});

const letterOf = (row: LetterRow): RecordedLetter => ({
  number: Number(row.number),
  at: row.at,
  reason: row.reason,
  sentAgain: row.sent_again,
  refusedAgainAt: row.refused_at ?? undefined,
  resolvedAt: row.resolved_at ?? undefined,
});
