import { accessKeysOf, isNegated, valueKeysOf } from '../search/access-keys.js';
import {
  combinationsAskedFor,
  compositeParam,
  compositeQuantityParam,
  compositeUnitKey,
  isEqualityType,
  unitKeyAskedFor,
} from '../search/composite-keys.js';
import { SORTED_CHARACTERS } from '../search/sort-value.js';
import { parameterId, presenceKey } from '../search/equality-key.js';
import { IN_COLUMNS } from '../search/index-rows.js';
import { latitudesNear } from '../search/near.js';
import type { Clause, ClauseValue, Comparator, Modifier, Reach } from '../search/query.js';
import { isFullText } from '../search/search-definitions.js';
import type { DateValue, NumberValue, SearchParameter } from '../search/values.js';
import type { Bind } from './bindings.js';

/** A condition on `resource AS r`. Where it is not exact it lets through everything that matches, and more. */
export interface ClauseSql {
  sql: string;
  exact: boolean;
  /** Asks for keys that every match has: GIN finds the candidates. */
  byKey?: boolean;
  /** Candidates are found by their ids, too, which takes their type. */
  byId?: boolean;
  /** Asks for a column of `resource` itself. */
  ofColumn?: boolean;
}

/**
 * One clause of a query as SQL with the meaning of `clauseHolds`. Equality is asked of the key array (GIN), ranges and prefixes of the narrow
 * tables; what neither can decide is narrowed to resources that have the parameter at all.
 *
 * @param probes rows are looked up for each resource by itself, which is best for a page; otherwise the planner may begin at the rows
 */
export function clauseSql(type: string, clause: Clause, bind: Bind, probes = false): ClauseSql {
  const { code } = clause.parameter;
  const missing = missingAsked(clause);
  if (missing.length > 0) return exactly(anyOf(missing.map((isMissing) => presence(type, code, !isMissing, bind))));
  if (code === '_id') return { ...exactly(idSql(clause, bind)), ofColumn: true };
  const keys = valueKeysOf(clause);
  if (keys !== undefined) {
    return isNegated(clause) ? exactly(`NOT (${hasAny(keys, bind)})`) : { sql: hasAny(keys, bind), exact: true, byKey: true };
  }
  if (isNegated(clause) || isFullText(code)) return { sql: 'true', exact: false };
  const conditions = clause.values.map((value) => valueSql(value, clause, bind, probes));
  const access = accessKeysOf(clause);
  const found = access === undefined ? undefined : hasAny(access, bind);
  if (conditions.every((condition) => condition !== undefined)) {
    const sql = anyOf(conditions);
    if (code === '_lastUpdated') return { sql, exact: true, ofColumn: true };
    // The latitudes let through what lies too far east or west.
    if (clause.values.some(({ type: kind }) => kind === 'near')) return { sql, exact: false };
    return found === undefined ? exactly(sql) : { sql: `${found} AND ${sql}`, exact: true, byKey: true };
  }
  return { sql: found ?? presence(type, code, true, bind), exact: false, byKey: found !== undefined };
}

/** Resources known by id or by key, candidates of both kinds found by index. */
export function reachSql({ ids, keys }: Reach, bind: Bind): ClauseSql {
  const conditions = [
    ...(ids.length > 0 ? [`r.id = ANY (${bind(ids)}::text[])`] : []),
    ...(keys.length > 0 ? [hasAny(keys, bind)] : []),
  ];
  return { sql: anyOf(conditions), exact: true, byKey: true, byId: ids.length > 0 };
}

function exactly(sql: string): ClauseSql {
  return { sql, exact: true };
}

export function anyOf(conditions: readonly string[]): string {
  const [only] = conditions;
  return conditions.length === 1 && only !== undefined
    ? only
    : `(${conditions.length === 0 ? 'false' : conditions.join(' OR ')})`;
}

function missingAsked(clause: Clause): boolean[] {
  return clause.values.flatMap((value) => (value.type === 'missing' ? [value.missing] : []));
}

/** `@>` on one key lets GIN intersect the keys of several clauses; `&&` unites those of one. */
function hasAny(keys: readonly number[], bind: Bind): string {
  return keys.length === 1 ? `r.keys @> ${bind(keys)}::bigint[]` : `r.keys && ${bind(keys)}::bigint[]`;
}

function presence(type: string, code: string, present: boolean, bind: Bind): string {
  if (IN_COLUMNS.has(code)) return String(present);
  const has = hasAny([presenceKey(type, code)], bind);
  return present ? has : `NOT (${has})`;
}

function idSql(clause: Clause, bind: Bind): string {
  // A resource's id has no system: `|id` means it, `system|id` means nothing.
  const ids = clause.values.flatMap((value) =>
    value.type === 'token' && !value.system && value.code !== undefined ? [value.code] : [],
  );
  return isNegated(clause) ? `r.id <> ALL (${bind(ids)}::text[])` : `r.id = ANY (${bind(ids)}::text[])`;
}

/** Whether a value of the clause finds something in the narrow tables; undefined where they cannot decide. */
function valueSql(value: ClauseValue, clause: Clause, bind: Bind, probes: boolean): string | undefined {
  const { parameter, modifier } = clause;
  if (value.type === 'composite') return compositeSql(value.parts, parameter, bind, probes);
  if (value.type === 'date' && parameter.code === '_lastUpdated') {
    return dateSql(value.comparator, value.range, 'r.last_updated', 'r.last_updated', bind, 1);
  }
  const condition = rowSql(value, modifier, 'd', bind);
  return condition && existsSql(condition.table, parameterId(parameter.base, parameter.code), condition.sql, probes, bind);
}

/** A table of values, and the condition on a row `alias` of it that decides a clause. */
export interface RowCondition {
  table: string;
  sql: string;
}

/** What a row of a narrow table must be so that the clause holds; undefined where it takes more than that to decide it. */
export function rowCondition({ parameter, modifier, values }: Clause, alias: string, bind: Bind): RowCondition | undefined {
  if (parameter.code === '_lastUpdated' || parameter.code === '_id' || values.length === 0) return undefined;
  const conditions = values.map((value) => rowSql(value, modifier, alias, bind));
  const [first] = conditions;
  if (first === undefined || conditions.some((condition) => condition?.table !== first.table)) return undefined;
  return { table: first.table, sql: anyOf(conditions.map((condition) => condition?.sql ?? 'false')) };
}

/**
 * A composite whose parts other than codes are one: its rows bear the combination of codes beside them, so one row decides. With two such
 * parts each row is decided alone, and whether both belong to the same composite value is left to be verified.
 */
function compositeSql(
  parts: readonly ClauseValue[],
  parameter: SearchParameter,
  bind: Bind,
  probes: boolean,
): string | undefined {
  const positions = parts.flatMap((part, position) => (isEqualityType(part.type) ? [] : [position]));
  const [position] = positions;
  const part = position === undefined ? undefined : parts[position];
  if (positions.length !== 1 || position === undefined || part === undefined) return undefined;
  const combinations = combinationsAskedFor(parts);
  if (part.type === 'quantity') {
    const units = combinations.map((forms) => compositeUnitKey(forms, unitKeyAskedFor(part)));
    const sql = `${numberSql(part, 'd.low', 'd.high', bind)} AND d.unit_keys && ${bind(units)}::bigint[]`;
    return existsSql('search_quantity', compositeQuantityParam(parameter, position), sql, probes, bind);
  }
  return anyOf(
    combinations.flatMap((forms) => {
      const condition = rowSql(part, undefined, 'd', bind);
      return condition
        ? [existsSql(condition.table, compositeParam(parameter, position, forms), condition.sql, probes, bind)]
        : [];
    }),
  );
}

/** The condition on a row of the table that holds values of this type. */
function rowSql(value: ClauseValue, modifier: Modifier | undefined, row: string, bind: Bind): RowCondition | undefined {
  switch (value.type) {
    case 'date':
      return { table: 'search_date', sql: dateSql(value.comparator, value.range, `${row}.low`, `${row}.high`, bind) };
    case 'number':
      return { table: 'search_number', sql: numberSql(value, `${row}.low`, `${row}.high`, bind) };
    case 'quantity': {
      const met = [numberSql(value, `${row}.low`, `${row}.high`, bind), ...unitSql(value, row, bind)];
      return { table: 'search_quantity', sql: met.join(' AND ') };
    }
    case 'near': {
      const { south, north } = latitudesNear(value);
      return { table: 'search_number', sql: `${row}.low >= ${bind(south)}::float8 AND ${row}.low <= ${bind(north)}::float8` };
    }
    case 'string':
      return { table: 'search_string', sql: stringSql(value, modifier, row, bind) };
    default:
      return undefined;
  }
}

/**
 * Whether a resource has such a row of a narrow table, `d`. Where it `probes`, OFFSET 0 keeps the planner from joining: it takes what one type has
 * of a parameter for a small part of all rows, and would read all of them where a page needs a few.
 */
export function existsSql(table: string, param: number, condition: string, probes: boolean, bind: Bind): string {
  const offset = probes ? ' OFFSET 0' : '';
  return `EXISTS (SELECT FROM ${table} AS d WHERE d.rid = r.rid AND d.param = ${bind(param)} AND ${condition}${offset})`;
}

/**
 * Half-open ranges: `low`, `high` of the resource against `range` of the search. No range is empty, so each comparator also bounds one end
 * outright, which is said once more for the index. Where `high` is a column that stands `highAfter` milliseconds before the end, it is that which is
 * compared, so that an index on it serves.
 * https://hl7.org/fhir/R4B/search.html#date
 */
function dateSql(comparator: Comparator, range: DateValue, low: string, high: string, bind: Bind, highAfter = 0): string {
  const from = () => `to_timestamp(${bind(range.low / 1000)}::float8)`;
  const to = () => `to_timestamp(${bind(range.high / 1000)}::float8)`;
  const highFrom = () => `to_timestamp(${bind((range.low - highAfter) / 1000)}::float8)`;
  const highTo = () => `to_timestamp(${bind((range.high - highAfter) / 1000)}::float8)`;
  switch (comparator) {
    case 'eq':
      return `${low} >= ${from()} AND ${low} < ${to()} AND ${high} <= ${highTo()}`;
    case 'ne':
      return `(${low} < ${from()} OR ${high} > ${highTo()})`;
    case 'gt':
      return `${high} > ${highTo()}`;
    case 'lt':
      return `${low} < ${from()}`;
    case 'ge':
      return `${high} > ${highFrom()} AND (${high} > ${highTo()} OR ${low} >= ${from()})`;
    case 'le':
      return `${low} < ${to()} AND (${low} < ${from()} OR ${high} <= ${highTo()})`;
    case 'sa':
      return `${low} >= ${to()}`;
    case 'eb':
      return `${high} <= ${highFrom()}`;
    case 'ap':
      return `${low} < ${to()} AND ${high} > ${highFrom()}`;
  }
}

/** Closed ranges: the columns or expressions `low`, `high` of the resource against the number asked for or its range. */
export function numberSql(
  value: { comparator: Comparator; value: number; range: NumberValue },
  low: string,
  high: string,
  bind: Bind,
): string {
  const { comparator, range } = value;
  const exactly = () => `${bind(value.value)}::float8`;
  const from = () => `${bind(range.low)}::float8`;
  const to = () => `${bind(range.high)}::float8`;
  switch (comparator) {
    case 'eq':
      return `${low} >= ${from()} AND ${low} < ${to()} AND ${high} < ${to()}`;
    case 'ne':
      return `NOT (${low} >= ${from()} AND ${high} < ${to()})`;
    case 'gt':
      return `${high} > ${exactly()}`;
    case 'lt':
      return `${low} < ${exactly()}`;
    case 'ge':
      return `${high} >= ${exactly()}`;
    case 'le':
      return `${low} <= ${exactly()}`;
    case 'sa':
      return `${low} > ${exactly()}`;
    case 'eb':
      return `${high} < ${exactly()}`;
    case 'ap':
      return `${low} <= ${to()} AND ${high} >= ${from()}`;
  }
}

/** Nothing where any unit will do. */
export function unitSql(value: { system?: string; code?: string }, row: string, bind: Bind): string[] {
  const unit = unitKeyAskedFor(value);
  return unit === undefined ? [] : [`${row}.unit_keys @> ${bind([unit])}::bigint[]`];
}

/** A prefix is a range of the index on the first characters. */
function stringSql(value: { folded: string; exact: string }, modifier: Modifier | undefined, row: string, bind: Bind): string {
  if (modifier === 'contains') return `strpos(${row}.folded, ${bind(value.folded)}) > 0`;
  const head = [...value.folded].slice(0, SORTED_CHARACTERS).join('');
  const next = afterPrefix(head);
  const indexed = `left(${row}.folded, ${String(SORTED_CHARACTERS)})`;
  const within = `${indexed} >= ${bind(head)} AND ${next === undefined ? 'true' : `${indexed} < ${bind(next)}`}`;
  if (modifier === 'exact') return `${within} AND ${row}.exact = ${bind(value.exact)}`;
  return `${within} AND starts_with(${row}.folded, ${bind(value.folded)})`;
}

/** The least text, in the order of code points, that is greater than all that begin with `prefix`. */
function afterPrefix(prefix: string): string | undefined {
  const points = [...prefix].map((character) => character.codePointAt(0) ?? 0);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last < 0x10ffff) return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
  }
  return undefined;
}
