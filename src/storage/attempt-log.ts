import { AttemptLog, type Attempt, type DeadLetter } from '../delivery/attempt-log.js';
import type { Database } from './database.js';
import { APPEND_ATTEMPTS, PARK_EVENTS } from './sql/attempts.sql.js';

export class PostgresAttemptLog extends AttemptLog {
  constructor(private readonly database: Database) {
    super();
  }

  async append(attempts: readonly Attempt[]): Promise<void> {
    if (attempts.length === 0) return;
    const values = [
      attempts.map(({ at }) => at.getTime() / 1000),
      attempts.map(({ subscriptionId }) => subscriptionId),
      attempts.map(({ kind }) => kind),
      attempts.map(({ firstNumber }) => firstNumber ?? null),
      attempts.map(({ lastNumber }) => lastNumber ?? null),
      attempts.map(({ outcome }) => outcome),
      attempts.map(({ httpStatus }) => httpStatus ?? null),
      attempts.map(({ milliseconds }) => milliseconds),
      attempts.map(({ reason }) => storable(reason)),
      attempts.map(({ excerpt }) => storable(excerpt)),
      attempts.map(({ nextAt }) => (nextAt ? nextAt.getTime() / 1000 : null)),
      attempts.map(({ replay }) => replay ?? null),
    ];
    await this.database.run(APPEND_ATTEMPTS, values);
  }

  async park(letters: readonly DeadLetter[]): Promise<void> {
    if (letters.length === 0) return;
    await this.database.run(PARK_EVENTS, [
      letters.map(({ subscriptionId }) => subscriptionId),
      letters.map(({ number }) => number),
      letters.map(({ reason }) => storable(reason)),
    ]);
  }
}

/** PostgreSQL's text holds no NUL. */
const storable = (text: string | undefined): string | null => text?.replaceAll('\0', '\uFFFD') ?? null;
