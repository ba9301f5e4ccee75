import { parameterId } from '../search/equality-key.js';
import type { Clause } from '../search/query.js';
import { isSingleValued } from '../search/single-valued.js';
import type { Bind } from './bindings.js';
import { existsSql, rowCondition } from './clause-sql.js';
import { isFoundByRange, lowBounds, numberBranches, type RangeBranch } from './range-bounds.js';

/** Clauses that the rows of one parameter decide: several only where no resource has more than one row, which then meets them all. */
export interface RowGroup {
  table: string;
  param: number;
  clauses: readonly Clause[];
}

/** Splits clauses into those that rows of the narrow tables decide, and others. */
export function rowGroups(clauses: readonly Clause[]): { groups: readonly RowGroup[]; others: readonly Clause[] } {
  const groups: RowGroup[] = [];
  const others: Clause[] = [];
  const shared = new Map<number, number>();
  for (const clause of clauses) {
    const table = rowCondition(clause, 'd', () => '')?.table;
    if (table === undefined) {
      others.push(clause);
      continue;
    }
    const param = parameterId(clause.parameter.base, clause.parameter.code);
    const at = shared.get(param);
    const known = at === undefined ? undefined : groups[at];
    if (at !== undefined && known !== undefined) {
      groups[at] = { ...known, clauses: [...known.clauses, clause] };
      continue;
    }
    if (isSingleValued(clause.parameter)) shared.set(param, groups.length);
    groups.push({ table, param, clauses: [clause] });
  }
  return { groups, others };
}

/** What makes a row `alias` one that meets the group, its parameter apart. */
function groupConditions({ clauses }: RowGroup, alias: string, bind: Bind): string[] {
  return clauses.map((clause) => rowCondition(clause, alias, bind)?.sql ?? 'false');
}

/** The same, said so that an index on (param, low) is read from near the first such row to near the last. */
export function boundedConditions(group: RowGroup, alias: string, bind: Bind): string[] {
  return [...groupConditions(group, alias, bind), ...group.clauses.flatMap((clause) => lowBounds(clause, alias, bind))];
}

/** Where the rows of a group are looked up, `d`, each in one branch. */
export function rangeBranches(group: RowGroup, bind: Bind): RangeBranch[] {
  return group.table === 'search_number' || group.table === 'search_quantity'
    ? numberBranches(group.clauses, bind)
    : [{ met: boundedConditions(group, 'd', bind), holds: [] }];
}

/** Whether a resource meets the group. */
export function groupSql(group: RowGroup, probes: boolean, bind: Bind): string {
  return existsSql(group.table, group.param, groupConditions(group, 'd', bind).join(' AND '), probes, bind);
}

/** Whether candidates can be looked up by this group. */
export function leadsByRange({ clauses }: RowGroup): boolean {
  return clauses.some(isFoundByRange);
}
