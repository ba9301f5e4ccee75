import { parameterId } from '../search/equality-key.js';
import type { Clause, ClauseValue } from '../search/query.js';
import type { Bind } from './bindings.js';
import { anyOf, numberSql, rowCondition } from './clause-sql.js';

/** Whether an index leads to the rows of a clause, beginning and ending near them. */
export function isFoundByRange({ modifier, values }: Clause): boolean {
  return values.every((value) => {
    if (value.type === 'string') return modifier !== 'contains';
    if (value.type === 'date') return value.comparator !== 'ne';
    return isNumeric(value) && (value.comparator === 'eq' || (value.comparator !== 'ne' && values.length === 1));
  });
}

/**
 * What the index on (param, low) can use of a clause beside its condition, where that bounds only `high` from below: how far down `low` may lie.
 * Of what is short (a date of a day, a number, which is a point) near the same place; what is long is rare and has an index of its own.
 */
export function lowBounds({ parameter, values }: Clause, alias: string, bind: Bind): string[] {
  const [value] = values;
  if (value === undefined || values.length !== 1) return [];
  const param = parameterId(parameter.base, parameter.code);
  if (value.type === 'date') return dateBounds(value, param, alias, bind);
  return isNumeric(value) ? numberBounds(value, param, alias, bind) : [];
}

function dateBounds({ comparator, range }: ClauseValue & { type: 'date' }, param: number, alias: string, bind: Bind): string[] {
  if (comparator === 'eb') return [`${alias}.low < to_timestamp(${bind(range.low / 1000)}::float8)`];
  const after = comparator === 'gt' ? range.high : comparator === 'ge' || comparator === 'ap' ? range.low : undefined;
  if (after === undefined || !Number.isFinite(after)) return [];
  const from = `to_timestamp(${bind(after / 1000)}::float8)`;
  return [
    `${alias}.low >= least(to_timestamp(${bind(after / 1000 - DAY_SECONDS)}::float8), (
        SELECT min(w.low + interval '0') FROM search_date AS w
        WHERE w.param = ${bind(param)} AND w.high > ${from} AND ${LONGER_THAN_A_DAY}))`,
  ];
}

/** And a second, for what a float rounds. */
const DAY_SECONDS = 86_401;
/** As the index `search_date_long` has it. */
const LONGER_THAN_A_DAY = `CASE WHEN isfinite(w.low) AND isfinite(w.high) THEN w.high - w.low > interval '24 hours' ELSE true END`;

function numberBounds(value: Numeric, param: number, alias: string, bind: Bind): string[] {
  const { comparator, range } = value;
  const after = comparator === 'gt' || comparator === 'ge' ? value.value : comparator === 'ap' ? range.low : undefined;
  if (after === undefined) return [];
  const from = `${bind(after)}::float8`;
  return [
    `${alias}.low >= least(${from}, (
        SELECT min(w.low + 0) FROM ${TABLES[value.type]} AS w WHERE w.param = ${bind(param)} AND w.high >= ${from} AND ${isWide('w')}))`,
  ];
}

/** Rows to be met by one index, `d`, and which of those they are that a group of clauses holds for. */
export interface RangeBranch {
  met: string[];
  holds: string[];
}

/**
 * The rows that clauses on numbers or quantities hold for, each in one branch: points by their place in the index on (param, low), the others by
 * the index that has nothing else. No more is met than the indexes tell apart: units are looked at afterwards.
 */
export function numberBranches(clauses: readonly Clause[], bind: Bind): RangeBranch[] {
  const ofClauses = (high: string) =>
    clauses
      .filter(isFoundByRange)
      .map(({ values }) => anyOf(values.filter(isNumeric).map((each) => numberSql(each, 'd.low', high, bind))));
  const holds = () => clauses.map((clause) => rowCondition(clause, 'd', bind)?.sql ?? 'false');
  return [
    { met: ofClauses('d.low'), holds: [`NOT ${isWide('d')}`, ...holds()] },
    { met: [isWide('d'), ...ofClauses('d.high')], holds: holds() },
  ];
}

/** As the indexes `search_number_wide` and `search_quantity_wide` have it. */
const isWide = (alias: string) => `(${alias}.low <> ${alias}.high)`;

const TABLES = { number: 'search_number', quantity: 'search_quantity' } as const;

type Numeric = ClauseValue & { type: 'number' | 'quantity' };

function isNumeric(value: ClauseValue): value is Numeric {
  return value.type === 'number' || value.type === 'quantity';
}
