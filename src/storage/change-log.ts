import type { Change, LogPosition } from '../fhir/change.js';
import { ChangeLog } from '../matching/change-log.js';
import { type ChangeRow, changeOf } from './change-row.js';
import type { Database } from './database.js';
import { RecentVersions } from './recent-versions.js';
import { OVERTAKEN } from './sql/overtaken.sql.js';
import { PREVIOUS_VERSIONS } from './sql/previous-versions.sql.js';
import { SNAPSHOT_AT } from './sql/snapshot-at.sql.js';
import { VERSIONS_AT } from './sql/versions-at.sql.js';
import { TAIL_CHANGES } from './sql/tail-changes.sql.js';
import { VERSIONS_BY_POSITION } from './sql/versions-by-position.sql.js';

const SNAPSHOT_PAGE = 1000;

/** The change log in PostgreSQL, tailed so that nothing is skipped however many write at once (docs/adr/0005-matching-position.md). */
export class PostgresChangeLog extends ChangeLog {
  constructor(
    private readonly database: Database,
    private readonly recent = new RecentVersions(),
  ) {
    super();
  }

  async after({ epoch, xid, seq }: LogPosition, limit: number): Promise<Change[]> {
    const places = await this.database.rows<LogPosition>(TAIL_CHANGES, [epoch, xid, seq, limit]);
    const changes = places.map((place) => this.recent.at(place));
    const unknown = places.filter((_, index) => changes[index] === undefined);
    const read = (await this.read(unknown)).values();
    return changes.map((change) => change ?? read.next().value!);
  }

  private async read(places: readonly LogPosition[]): Promise<Change[]> {
    if (places.length === 0) return [];
    const rows = await this.database.rows<ChangeRow>(VERSIONS_BY_POSITION, [
      places.map(({ epoch }) => epoch),
      places.map(({ xid }) => xid),
      places.map(({ seq }) => seq),
    ]);
    const changes = rows.map(changeOf);
    for (const change of changes) this.recent.add(change);
    return changes;
  }

  async previous(changes: readonly Change[]): Promise<Map<Change, Change>> {
    const rows = await this.database.rows<ChangeRow & { n: number }>(PREVIOUS_VERSIONS, [
      changes.map(({ type }) => type),
      changes.map(({ id }) => id),
      changes.map(({ version }) => version),
    ]);
    const previous = new Map<Change, Change>();
    for (const row of rows) {
      const change = changes[row.n - 1];
      if (change !== undefined) previous.set(change, changeOf(row));
    }
    return previous;
  }

  async at(asked: readonly { type: string; id: string; position: LogPosition }[]): Promise<(Change | undefined)[]> {
    const rows = await this.database.rows<ChangeRow & { n: number }>(VERSIONS_AT, [
      asked.map(({ type }) => type),
      asked.map(({ id }) => id),
      asked.map(({ position }) => position.epoch),
      asked.map(({ position }) => position.xid),
      asked.map(({ position }) => position.seq),
    ]);
    const found = new Map(rows.map((row) => [row.n, changeOf(row)]));
    return asked.map((_, index) => found.get(index + 1));
  }

  async overtaken(changes: readonly Change[]): Promise<ReadonlySet<Change>> {
    const rows = await this.database.rows<{ n: number }>(OVERTAKEN, [
      changes.map(({ type }) => type),
      changes.map(({ id }) => id),
      changes.map(({ version }) => version),
      changes.map(({ position }) => position.epoch),
      changes.map(({ position }) => position.xid),
      changes.map(({ position }) => position.seq),
    ]);
    return new Set(rows.map(({ n }) => changes[n - 1]!));
  }

  async *snapshot(types: readonly string[], { epoch, xid, seq }: LogPosition): AsyncIterable<Change[]> {
    for (const type of types) {
      let after = '';
      for (;;) {
        const rows = await this.database.rows<ChangeRow>(SNAPSHOT_AT, [type, epoch, xid, seq, after, SNAPSHOT_PAGE]);
        const living = rows.filter((row) => row.body !== null).map(changeOf);
        if (living.length > 0) yield living;
        const last = rows.at(-1);
        if (last === undefined || rows.length < SNAPSHOT_PAGE) break;
        after = last.id;
      }
    }
  }
}
