import type { Change, LogPosition } from '../fhir/change.js';
import { RecentChanges } from '../pull/recent-changes.js';
import { PostgresChangeLog } from './change-log.js';
import { type ChangeRow, changeOf } from './change-row.js';
import type { Database } from './database.js';
import { RECENT_CHANGES } from './sql/recent-changes.sql.js';

/** Behind every change: the largest values of each type. */
const END: LogPosition = { epoch: 2 ** 31 - 1, xid: 2n ** 64n - 1n, seq: 2n ** 63n - 1n };

export class PostgresRecentChanges extends RecentChanges {
  private readonly log: PostgresChangeLog;

  constructor(private readonly database: Database) {
    super();
    this.log = new PostgresChangeLog(database);
  }

  async before(position: LogPosition | undefined, limit: number, types: readonly string[] | undefined): Promise<Change[]> {
    const { epoch, xid, seq } = position ?? END;
    return (await this.database.rows<ChangeRow>(RECENT_CHANGES, [epoch, xid, seq, limit, types ?? null])).map(changeOf);
  }

  previous(changes: readonly Change[]): Promise<Map<Change, Change>> {
    return this.log.previous(changes);
  }
}
