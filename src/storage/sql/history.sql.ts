import type { HistoryOptions, HistoryScope, PageMark } from '../../pull/resource-reader.js';
import { CHANGE_COLUMNS } from '../change-row.js';
import type { Sql } from '../database.js';

export type HistoryBounds = Pick<HistoryOptions, 'since' | 'at'>;

/**
 * Versions of an instance, a type or the whole store, newest first. An instance walks its primary key; types and the store walk the log
 * backwards by `resource_version_position`, from `_since` on by the block ranges of `resource_version_at`. New versions land in front of the
 * first page, so following pages neither skip nor repeat what was there.
 */
export function historyStatement(
  scope: HistoryScope,
  bounds: HistoryBounds,
  page: { limit: number; after?: PageMark },
): Sql & { values: unknown[] } {
  const values: unknown[] = [];
  const bind = (value: unknown) => `$${String(values.push(value))}`;
  const where = conditions(scope, bounds, bind);
  const ofInstance = scope.id !== undefined;
  if (page.after !== undefined) {
    const [epoch = '', xid = ''] = page.after.keys;
    where.push(
      ofInstance
        ? `v.version < ${bind(page.after.tie)}::integer`
        : `(v.epoch, v.xid, v.seq) < (${bind(String(epoch))}::integer, ${bind(String(xid))}::xid8, ${bind(page.after.tie)}::bigint)`,
    );
  }
  const order = ofInstance ? 'v.version DESC' : 'v.epoch DESC, v.xid DESC, v.seq DESC';
  return {
    text: `
  SELECT ${CHANGE_COLUMNS}
  FROM resource_version AS v
  ${where.length === 0 ? '' : `WHERE ${where.join(' AND ')}`}
  ORDER BY ${order}
  LIMIT ${bind(page.limit)}`,
    values,
  };
}

/** How many versions an instance has within the bounds. */
export function historyCountStatement(scope: HistoryScope, bounds: HistoryBounds): Sql & { values: unknown[] } {
  const values: unknown[] = [];
  const where = conditions(scope, bounds, (value) => `$${String(values.push(value))}`);
  return { text: `SELECT count(*) AS count FROM resource_version AS v WHERE ${where.join(' AND ')}`, values };
}

function conditions(scope: HistoryScope, bounds: HistoryBounds, bind: (value: unknown) => string): string[] {
  const where: string[] = [];
  if (scope.type !== undefined) where.push(`v.type = ${bind(scope.type)}`);
  if (scope.without !== undefined && scope.without.length > 0) where.push(`v.type <> ALL(${bind(scope.without)}::text[])`);
  if (scope.id !== undefined) where.push(`v.id = ${bind(scope.id)}`);
  if (bounds.since !== undefined) where.push(`v.at >= to_timestamp(${bind(bounds.since.getTime() / 1000)}::float8)`);
  if (bounds.at !== undefined) {
    const low = `to_timestamp(${bind(bounds.at.low.getTime() / 1000)}::float8)`;
    const high = `to_timestamp(${bind(bounds.at.high.getTime() / 1000)}::float8)`;
    // Current from its own writing until the next version's; a delete is only news in the period it happened in.
    where.push(`v.at < ${high}`);
    where.push(`(v.at >= ${low} OR (v.interaction <> 'delete' AND NOT EXISTS (
      SELECT 1 FROM resource_version AS n
      WHERE n.type = v.type AND n.id = v.id AND n.version = v.version + 1 AND n.at <= ${low})))`);
  }
  return where;
}
