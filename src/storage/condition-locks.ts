import { createHash } from 'node:crypto';
import { ConditionLocks } from '../intake/condition-locks.js';
import type { Database } from './database.js';
import { storageFailure } from './database-failure.js';
import { LOCK_CONDITIONS } from './sql/lock-conditions.sql.js';

/**
 * Conditions as advisory locks of a transaction that does nothing else. Each holder occupies a connection while its work needs others
 * of the same pool, so at most `holders` hold locks at once; the rest wait in memory, first come, first served.
 */
export class PostgresConditionLocks extends ConditionLocks {
  private free: number;
  private readonly waiting: (() => void)[] = [];

  constructor(
    private readonly database: Database,
    holders: number,
  ) {
    super();
    this.free = holders;
  }

  async hold<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    const locks = [...new Set(keys.map(lockOf))].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    await this.enter();
    let outcome: { result: T } | undefined;
    let began = false;
    try {
      await this.database.transaction(
        async (tx) => {
          await tx.rows(LOCK_CONDITIONS, [`{${locks.join(',')}}`]);
          began = true;
          outcome = { result: await work() };
        },
        { durable: false },
      );
    } catch (error) {
      // Work that is done stays done, even when the lock's own connection was lost meanwhile.
      if (outcome === undefined) throw began ? error : storageFailure(error).error;
    } finally {
      this.leave();
    }
    return outcome!.result;
  }

  private async enter(): Promise<void> {
    if (this.free > 0) {
      this.free -= 1;
      return;
    }
    await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  private leave(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.free += 1;
    else next();
  }
}

function lockOf(key: string): bigint {
  return createHash('sha256').update(key).digest().readBigInt64BE(0);
}
