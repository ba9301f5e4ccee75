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
import type { Clause, ClauseValue, Comparator, Modifier, Reach } from '../search/query.js';
import type { DateValue, NumberValue, SearchParameter } from '../search/values.js';
import type { Bind } from './bindings.js';

/** A condition on `resource AS r`. Where it is not exact it lets through everything that matches, and more. */
export interface ClauseSql {
  sql: string;
  exact: boolean;
  /** Asks for keys that every match has: GIN finds the candidates. */
  byKey?: boolean;
}

/**
 * One clause of a query as SQL with the meaning of `clauseHolds`. Equality is asked of the key array (GIN), ranges and prefixes of the narrow
 * tables; what neither can decide is narrowed to resources that have the parameter at all.
 */
export function clauseSql(type: string, clause: Clause, bind: Bind): ClauseSql {
  const { code } = clause.parameter;
  const missing = missingAsked(clause);
  if (missing.length > 0) return exactly(anyOf(missing.map((isMissing) => presence(type, code, !isMissing, bind))));
  if (code === '_id') return exactly(idSql(clause, bind));
  const keys = valueKeysOf(clause);
  if (keys !== undefined) {
    return isNegated(clause) ? exactly(`NOT (${hasAny(keys, bind)})`) : { sql: hasAny(keys, bind), exact: true, byKey: true };
  }
  if (isNegated(clause)) return { sql: 'true', exact: false };
  const conditions = clause.values.map((value) => valueSql(value, clause, bind));
  const access = accessKeysOf(clause);
  const found = access === undefined ? undefined : hasAny(access, bind);
  if (conditions.every((condition) => condition !== undefined)) {
    const sql = anyOf(conditions);
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
  return { sql: anyOf(conditions), exact: true, byKey: true };
}

function exactly(sql: string): ClauseSql {
  return { sql, exact: true };
}

function anyOf(conditions: readonly string[]): string {
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
function valueSql(value: ClauseValue, clause: Clause, bind: Bind): string | undefined {
  const { parameter, modifier } = clause;
  if (value.type === 'composite') return compositeSql(value.parts, parameter, bind);
  if (value.type === 'date' && parameter.code === '_lastUpdated') {
    return dateSql(value.comparator, value.range, 'r.last_updated', `(r.last_updated + interval '1 millisecond')`, bind);
  }
  const condition = rowSql(value, modifier, bind);
  return condition && inTable(condition.table, parameterId(parameter.base, parameter.code), condition.sql, bind);
}

/**
 * A composite whose parts other than codes are one: its rows bear the combination of codes beside them, so one row decides. With two such
 * parts each row is decided alone, and whether both belong to the same composite value is left to be verified.
 */
function compositeSql(parts: readonly ClauseValue[], parameter: SearchParameter, bind: Bind): string | undefined {
  const positions = parts.flatMap((part, position) => (isEqualityType(part.type) ? [] : [position]));
  const [position] = positions;
  const part = position === undefined ? undefined : parts[position];
  if (positions.length !== 1 || position === undefined || part === undefined) return undefined;
  const combinations = combinationsAskedFor(parts);
  if (part.type === 'quantity') {
    const units = combinations.map((forms) => compositeUnitKey(forms, unitKeyAskedFor(part)));
    const sql = `${numberSql(part, bind)} AND d.unit_keys && ${bind(units)}::bigint[]`;
    return inTable('search_quantity', compositeQuantityParam(parameter, position), sql, bind);
  }
  return anyOf(
    combinations.flatMap((forms) => {
      const condition = rowSql(part, undefined, bind);
      return condition ? [inTable(condition.table, compositeParam(parameter, position, forms), condition.sql, bind)] : [];
    }),
  );
}

/** The condition on a row `d` of the table that holds values of this type. */
function rowSql(value: ClauseValue, modifier: Modifier | undefined, bind: Bind): { table: string; sql: string } | undefined {
  switch (value.type) {
    case 'date':
      return { table: 'search_date', sql: dateSql(value.comparator, value.range, 'd.low', 'd.high', bind) };
    case 'number':
      return { table: 'search_number', sql: numberSql(value, bind) };
    case 'quantity': {
      const unit = unitKeyAskedFor(value);
      const ofUnit = unit === undefined ? '' : ` AND d.unit_keys @> ${bind([unit])}::bigint[]`;
      return { table: 'search_quantity', sql: numberSql(value, bind) + ofUnit };
    }
    case 'string':
      return { table: 'search_string', sql: stringSql(value, modifier, bind) };
    default:
      return undefined;
  }
}

function inTable(table: string, param: number, condition: string, bind: Bind): string {
  return `EXISTS (SELECT FROM ${table} AS d WHERE d.rid = r.rid AND d.param = ${bind(param)} AND ${condition})`;
}

/**
 * Half-open ranges: `low`, `high` of the resource against `range` of the search. No range is empty, so each comparator also bounds one end
 * outright, which is said once more for the index.
 * https://hl7.org/fhir/R4B/search.html#date
 */
function dateSql(comparator: Comparator, range: DateValue, low: string, high: string, bind: Bind): string {
  const from = () => `to_timestamp(${bind(range.low / 1000)}::float8)`;
  const to = () => `to_timestamp(${bind(range.high / 1000)}::float8)`;
  switch (comparator) {
    case 'eq':
      return `${low} >= ${from()} AND ${low} < ${to()} AND ${high} <= ${to()}`;
    case 'ne':
      return `(${low} < ${from()} OR ${high} > ${to()})`;
    case 'gt':
      return `${high} > ${to()}`;
    case 'lt':
      return `${low} < ${from()}`;
    case 'ge':
      return `${high} > ${from()} AND (${high} > ${to()} OR ${low} >= ${from()})`;
    case 'le':
      return `${low} < ${to()} AND (${low} < ${from()} OR ${high} <= ${to()})`;
    case 'sa':
      return `${low} >= ${to()}`;
    case 'eb':
      return `${high} <= ${from()}`;
    case 'ap':
      return `${low} < ${to()} AND ${high} > ${from()}`;
  }
}

function numberSql(value: { comparator: Comparator; value: number; range: NumberValue }, bind: Bind): string {
  const { comparator, range } = value;
  const exactly = () => `${bind(value.value)}::float8`;
  const from = () => `${bind(range.low)}::float8`;
  const to = () => `${bind(range.high)}::float8`;
  switch (comparator) {
    case 'eq':
      return `d.low >= ${from()} AND d.low < ${to()} AND d.high < ${to()}`;
    case 'ne':
      return `NOT (d.low >= ${from()} AND d.high < ${to()})`;
    case 'gt':
      return `d.high > ${exactly()}`;
    case 'lt':
      return `d.low < ${exactly()}`;
    case 'ge':
      return `d.high >= ${exactly()}`;
    case 'le':
      return `d.low <= ${exactly()}`;
    case 'sa':
      return `d.low > ${exactly()}`;
    case 'eb':
      return `d.high < ${exactly()}`;
    case 'ap':
      return `d.low <= ${to()} AND d.high >= ${from()}`;
  }
}

/** A prefix is a range of the index on the first characters. */
function stringSql(value: { folded: string; exact: string }, modifier: Modifier | undefined, bind: Bind): string {
  if (modifier === 'contains') return `strpos(d.folded, ${bind(value.folded)}) > 0`;
  const head = [...value.folded].slice(0, SORTED_CHARACTERS).join('');
  const next = afterPrefix(head);
  const indexed = `left(d.folded, ${String(SORTED_CHARACTERS)})`;
  const within = `${indexed} >= ${bind(head)} AND ${next === undefined ? 'true' : `${indexed} < ${bind(next)}`}`;
  if (modifier === 'exact') return `${within} AND d.exact = ${bind(value.exact)}`;
  return `${within} AND starts_with(d.folded, ${bind(value.folded)})`;
}

/** The least text, in the order of code points, that is greater than all that begin with `prefix`. */
function afterPrefix(prefix: string): string | undefined {
  const points = [...prefix].map((character) => character.codePointAt(0) ?? 0);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last < 0x10ffff) return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
  }
  return undefined;
}
