import type { PageMark } from '../pull/resource-reader.js';
import { SORTED_CHARACTERS } from '../pull/sort-order.js';
import { parameterId } from '../search/equality-key.js';
import type { Clause, Query, SortKey } from '../search/query.js';
import { CHANGE_COLUMNS, type ChangeRow } from './change-row.js';
import { clauseSql } from './clause-sql.js';

/** A statement whose text depends on the shape of the query, every value of the client being a parameter. */
export interface SearchStatement {
  text: string;
  values: unknown[];
}

export type SearchRow = ChangeRow & { rid: bigint } & Record<`k${number}`, string | null>;

/**
 * How a query is answered. `unverified` are the clauses that the index can only narrow down: their candidates are to be tested in memory.
 *
 * A page is read in at most two runs: resources that have a value to sort by (walked along the index of that value where nothing more
 * selective is at hand), then those that have none, which come last in either direction.
 */
export class SearchPlan {
  readonly unverified: readonly Clause[];
  readonly type: string;
  private readonly order: readonly Order[];

  constructor(private readonly query: Query) {
    this.unverified = query.clauses.filter((clause) => !clauseSql(query.type, clause, () => '').exact);
    this.type = query.type;
    const sort = query.sort.length > 0 ? query.sort : DEFAULT_SORT;
    this.order = sort.map((key) => orderOf(query.type, key));
  }

  /** The runs a page may take, beginning at `after`. */
  runs(after?: PageMark): Run[] {
    const first = this.order[0];
    if (first === undefined || first.kind === 'column') return ['all'];
    return after !== undefined && after.keys[0] === null ? ['missing'] : ['present', 'missing'];
  }

  /** Up to `limit` rows of one run in order, after `after`. */
  page(run: Run, limit: number, after?: PageMark): SearchStatement {
    const bindings = new Bindings();
    const bind = bindings.bind;
    const where = this.conditions(bind);
    const from: string[] = [];
    const keys = this.order.map((order, i): string => {
      const alias = `s${String(i)}`;
      if (order.kind === 'column') return order.sql;
      if (i > 0) {
        from.push(`CROSS JOIN LATERAL (${farthestValue(order, bind)}) AS ${alias}`);
        return `${alias}.value`;
      }
      if (run === 'missing') {
        where.push(`NOT EXISTS (SELECT FROM ${order.table} AS o WHERE o.rid = r.rid AND o.param = ${bind(order.param)})`);
        return `NULL::${order.cast}`;
      }
      from.push(`JOIN ${order.table} AS s0 ON s0.rid = r.rid`);
      where.push(...oneRowEach(order, bind));
      return order.value('s0');
    });
    const walked = run === 'present';
    const tie = walked ? 's0.rid' : 'r.rid';
    // The missing follow the present: a mark among the present lies before all of them.
    if (after !== undefined && (run !== 'missing' || after.keys[0] === null))
      where.push(this.afterMark(keys, tie, walked, after, bind));
    const sorted = (columns: readonly string[], tieColumn: string) =>
      [
        ...this.order
          .map((order, i) => `${columns[i] ?? ''} ${directionOf(order)}${i === 0 ? '' : ' NULLS LAST'}`)
          .slice(run === 'missing' ? 1 : 0),
        `${tieColumn} ${this.tieDirection}`,
      ].join(', ');
    const columns = keys.map((_, i) => `o${String(i)}`);
    return bindings.statement(`
  SELECT ${CHANGE_COLUMNS}, q.rid${columns.map((column, i) => `, q.${column}::text AS k${String(i)}`).join('')}
  FROM (
    SELECT r.rid, r.type, r.id, r.version${keys.map((key, i) => `, ${key} AS o${String(i)}`).join('')}
    FROM resource AS r ${from.join(' ')}
    WHERE ${where.join('\n      AND ')}
    ORDER BY ${sorted(keys, tie)}
    LIMIT ${bind(limit)}
  ) AS q
  JOIN resource_version AS v ON v.type = q.type AND v.id = q.id AND v.version = q.version
  ORDER BY ${sorted(
    columns.map((column) => `q.${column}`),
    'q.rid',
  )}`);
  }

  /** How many resources the index finds. */
  count(atMost?: number): SearchStatement {
    const bindings = new Bindings();
    const where = this.conditions(bindings.bind).join('\n      AND ');
    return atMost === undefined
      ? bindings.statement(`SELECT count(*) AS count FROM resource AS r WHERE ${where}`)
      : bindings.statement(
          `SELECT count(*) AS count FROM (SELECT FROM resource AS r WHERE ${where} LIMIT ${bindings.bind(atMost)}) AS some`,
        );
  }

  /** The mark that leads on from a row. */
  mark(row: SearchRow): PageMark {
    return { keys: this.order.map((_, i) => row[`k${i}`] ?? null), tie: String(row.rid) };
  }

  /** Whether a mark has the form that this order makes: a key of the right kind for each. */
  accepts(mark: PageMark): boolean {
    return (
      /^\d{1,18}$/.test(mark.tie) &&
      mark.keys.length === this.order.length &&
      mark.keys.every((key, i) => (key === null ? this.order[i]?.kind === 'narrow' : typeof key === 'string'))
    );
  }

  private get tieDirection(): 'ASC' | 'DESC' {
    return directionOf(this.order[0]);
  }

  /** Rows that come after the mark: greater in the first key, or equal there and greater in the next …, absent values last. */
  private afterMark(keys: readonly string[], tie: string, walked: boolean, mark: PageMark, bind: Bind): string {
    const marked = mark.keys.map((key, i) => (key === null ? null : `${bind(key)}::${this.order[i]?.cast ?? 'text'}`));
    let rest = `${tie} ${this.tieDirection === 'ASC' ? '>' : '<'} ${bind(mark.tie)}::bigint`;
    for (let i = keys.length - 1; i >= 0; i--) {
      const [key = '', at, order] = [keys[i], marked[i], this.order[i]];
      const beyond = order?.descending === true ? '<' : '>';
      if (at === null || at === undefined) {
        if (i > 0) rest = `(${key} IS NULL AND ${rest})`;
      } else {
        const absent = i > 0 && order?.kind === 'narrow' ? ` OR ${key} IS NULL` : '';
        rest = `(${key} ${beyond} ${at}${absent} OR (${key} = ${at} AND ${rest}))`;
        // Said once more without the OR, so that the index on the walked value begins at the mark.
        if (i === 0 && (walked || order?.kind === 'column')) rest = `${key} ${beyond}= ${at} AND ${rest}`;
      }
    }
    return rest;
  }

  private conditions(bind: Bind): string[] {
    const where = [`r.type = ${bind(this.query.type)}`, 'NOT r.deleted'];
    for (const clause of this.query.clauses) where.push(clauseSql(this.query.type, clause, bind).sql);
    return where;
  }
}

export type Run = 'all' | 'present' | 'missing';
export type Bind = (value: unknown) => string;

class Bindings {
  private readonly values: unknown[] = [];
  readonly bind: Bind = (value) => `$${String(this.values.push(value))}`;
  statement(text: string): SearchStatement {
    return { text, values: this.values };
  }
}

/** Without `_sort` the newest come first: what is written while a client pages lands before its first page. */
const DEFAULT_SORT: readonly SortKey[] = [
  {
    parameter: { code: '_lastUpdated', base: 'Resource', url: '', type: 'date', expression: '', targets: [], components: [] },
    descending: true,
  },
];

type Order =
  | { kind: 'column'; sql: string; cast: string; descending: boolean }
  | { kind: 'narrow'; table: string; value: (alias: string) => string; cast: string; param: number; descending: boolean };

type NarrowOrder = Extract<Order, { kind: 'narrow' }>;

function orderOf(type: string, { parameter, descending }: SortKey): Order {
  if (parameter.code === '_id') return { kind: 'column', sql: 'r.id', cast: TEXT, descending };
  if (parameter.code === '_lastUpdated') return { kind: 'column', sql: 'r.last_updated', cast: 'timestamptz', descending };
  const narrow = (table: string, cast: string, value: (alias: string) => string): Order => ({
    kind: 'narrow',
    table,
    value,
    cast,
    param: parameterId(type, parameter.code),
    descending,
  });
  const low = (alias: string) => `${alias}.low`;
  if (parameter.type === 'date') return narrow('search_date', 'timestamptz', low);
  if (parameter.type === 'number') return narrow('search_number', 'float8', low);
  if (parameter.type === 'quantity') return narrow('search_quantity', 'float8', low);
  return narrow('search_string', TEXT, (alias) => `left(${alias}.folded, ${String(SORTED_CHARACTERS)})`);
}

const TEXT = 'text COLLATE "C"';

function directionOf(order: Order | undefined): 'ASC' | 'DESC' {
  return order?.descending === true ? 'DESC' : 'ASC';
}

/** Of several values the smallest counts upwards, the greatest downwards. */
function farthestValue(order: NarrowOrder, bind: Bind): string {
  const aggregate = order.descending ? 'max' : 'min';
  return `SELECT ${aggregate}(${order.value('x')}) AS value FROM ${order.table} AS x WHERE x.rid = r.rid AND x.param = ${bind(order.param)}`;
}

/** The same for the walked values: a row that another row of the resource precedes is passed over, so each resource comes up once. */
function oneRowEach(order: NarrowOrder, bind: Bind): string[] {
  const param = bind(order.param);
  const precedes = order.descending ? '>' : '<';
  return [
    `s0.param = ${param}`,
    `NOT EXISTS (SELECT FROM ${order.table} AS o WHERE o.rid = s0.rid AND o.param = ${param}
        AND (${order.value('o')}, o.ctid) ${precedes} (${order.value('s0')}, s0.ctid))`,
  ];
}
