import type { Bind } from './bindings.js';
import type { ClauseSql } from './clause-sql.js';
import { rangeBranches, type RowGroup } from './row-groups.js';

/** What candidates are looked up by: their keys, or the range of one parameter. */
export type Source = 'keys' | RowGroup;

/** What a page needs to know of a candidate. Conditions on its keys need those, too, and they are long. */
const CANDIDATE = 'r.rid, r.id, r.version, r.last_updated';

/** Columns of candidates for which these conditions are still to be tested. */
export function columnsFor(conditions: readonly ClauseSql[]): string {
  return conditions.some(({ sql }) => sql.includes('r.keys')) ? `${CANDIDATE}, r.keys` : CANDIDATE;
}

/**
 * `found`: up to `limit` resources that meet conditions, some of which keys lead to. Keys imply the type: asked for beside them, it would lead the planner
 * to read all that there is of the type, 550 pages of an index, to find three.
 */
export function foundByKeys(
  conditions: readonly ClauseSql[],
  ofType: readonly string[],
  { columns, limit }: { columns: string; limit: string },
): string {
  const typed = conditions.some(({ byId }) => byId === true) || !conditions.some(({ byKey }) => byKey === true);
  const [first, after] = typed ? [ofType, []] : [[], ofType];
  return `
  keyed AS MATERIALIZED (
    SELECT ${columns}, r.type, r.deleted
    FROM resource AS r
    WHERE ${[...first, ...conditions.map(({ sql }) => sql)].join(' AND ')}
  ),
  found AS MATERIALIZED (SELECT * FROM keyed AS r${after.length === 0 ? '' : ` WHERE ${after.join(' AND ')}`} LIMIT ${limit})`;
}

/**
 * `hit`: rows that meet a group, none where its index has more than `most` of them; `found`: their resources, of which one that has several counts as often as that.
 *
 * Where a row holds more than its place in the index says, the places are counted by themselves before, which takes a hundredth of the pages.
 */
export function foundByRange(group: RowGroup, ofType: readonly string[], most: string, bind: Bind): string {
  const branches = rangeBranches(group, bind).map(({ met, holds }) => ({
    where: [`d.param = ${bind(group.param)}`, ...met].join(' AND '),
    holds: holds.join(' AND '),
  }));
  const union = (branch: (each: (typeof branches)[number]) => string) => branches.map(branch).join('\n    UNION ALL\n    ');
  const rows = ({ where }: { where: string }) => `FROM ${group.table} AS d WHERE ${where}`;
  const hits = branches.some(({ holds }) => holds !== '')
    ? `
  hit AS MATERIALIZED (${union((each) => `(SELECT ${rows(each)} LIMIT ${most} + 1)`)}),
  held AS MATERIALIZED (${union((each) => `(SELECT d.rid ${rows(each)} AND ${each.holds} AND ${atMost('hit', most)})`)})`
    : `
  hit AS MATERIALIZED (${union((each) => `(SELECT d.rid ${rows(each)} LIMIT ${most} + 1)`)}),
  held AS (SELECT hit.rid FROM hit WHERE ${atMost('hit', most)})`;
  return `${hits},
  found AS MATERIALIZED (
    SELECT r.rid, r.type, r.id, r.version, r.last_updated, r.keys
    FROM (SELECT DISTINCT held.rid FROM held) AS h
    JOIN resource AS r ON r.rid = h.rid
    WHERE ${ofType.join(' AND ')}
  )`;
}

export function atMost(candidates: string, most: string): string {
  return `(SELECT count(*) FROM ${candidates}) <= ${most}`;
}
