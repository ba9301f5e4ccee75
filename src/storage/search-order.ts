import type { PageMark } from '../pull/resource-reader.js';
import { parameterId } from '../search/equality-key.js';
import type { SortKey } from '../search/query.js';
import { isSingleValued } from '../search/single-valued.js';
import { SORTED_CHARACTERS } from '../search/sort-value.js';
import type { Bind } from './bindings.js';
import type { ChangeRow } from './change-row.js';

export type SearchRow = ChangeRow & { rid: bigint } & Record<`k${number}`, string | null>;

/** What is read for a page: resources that have a value to sort by, those that have none, all of them, or candidates that were gathered. */
export type Run = 'all' | 'present' | 'missing';
export type Reading = Run | 'gathered';

/** A key to sort by: a column of `resource AS r`, or the values of one parameter in a narrow table. */
export type Order =
  | { kind: 'column'; sql: string; cast: string; descending: boolean }
  | {
      kind: 'narrow';
      table: string;
      value: (alias: string) => string;
      cast: string;
      param: number;
      descending: boolean;
      /** Whether no resource has several values. */
      single: boolean;
    };

export type NarrowOrder = Extract<Order, { kind: 'narrow' }>;

/** The order of the results of a search, in SQL: keys one after the other, and the rid where all of them agree. */
export class SearchOrder {
  readonly orders: readonly Order[];

  constructor(type: string, sort: readonly SortKey[]) {
    this.orders = (sort.length > 0 ? sort : DEFAULT_SORT).map((key) => orderOf(type, key));
  }

  get first(): Order | undefined {
    return this.orders[0];
  }

  /** Whether one index has resources in this order, and a bounded number of them can be read from it. */
  get isBoundable(): boolean {
    return this.orders.length === 1 && (this.first?.kind === 'column' || this.first?.cast !== TEXT);
  }

  /** The order, by the columns of a page or by the expressions they are made of. */
  sorted(
    reading: Reading,
    prefix: string,
    keys: readonly string[] = this.orders.map((_, i) => `${prefix}o${String(i)}`),
    tie = `${prefix}rid`,
  ): string {
    const sorts = this.orders.map((order, i) => {
      return `${keys[i] ?? ''} ${directionOf(order)}${isNullable(order, i, reading) ? ' NULLS LAST' : ''}`;
    });
    return [...(reading === 'missing' ? sorts.slice(1) : sorts), `${tie} ${this.tieDirection}`].join(', ');
  }

  /** Rows that come after the mark: greater in the first key, or equal there and greater in the next …, absent values last. */
  afterMark(reading: Reading, keys: readonly string[], tie: string, mark: PageMark, bind: Bind): string {
    let rest = `${tie} ${this.tieDirection === 'ASC' ? '>' : '<'} ${bind(mark.tie)}::bigint`;
    for (let i = keys.length - 1; i >= 0; i--) {
      const [key = '', at, order] = [keys[i], mark.keys[i], this.orders[i]];
      const nullable = isNullable(order, i, reading);
      if (at === null || at === undefined) {
        if (nullable) rest = `(${key} IS NULL AND ${rest})`;
        continue;
      }
      const beyond = order?.descending === true ? '<' : '>';
      const marked = `${bind(at)}::${order?.cast ?? 'text'}`;
      rest = `(${key} ${beyond} ${marked}${nullable ? ` OR ${key} IS NULL` : ''} OR (${key} = ${marked} AND ${rest}))`;
      // Said once more without the OR, so that the index that is walked begins at the mark.
      if (i === 0 && !nullable) rest = `${key} ${beyond}= ${marked} AND ${rest}`;
    }
    return rest;
  }

  /** The mark that leads on from a row. */
  mark(row: SearchRow): PageMark {
    return { keys: this.orders.map((_, i) => row[`k${i}`] ?? null), tie: String(row.rid) };
  }

  /** Whether a mark has the form that this order makes: a key of the right kind for each. */
  accepts(mark: PageMark): boolean {
    return (
      /^\d{1,18}$/.test(mark.tie) &&
      mark.keys.length === this.orders.length &&
      mark.keys.every((key, i) => (key === null ? this.orders[i]?.kind === 'narrow' : typeof key === 'string'))
    );
  }

  private get tieDirection(): 'ASC' | 'DESC' {
    return directionOf(this.first);
  }
}

/** Without `_sort` the newest come first: what is written while a client pages lands before its first page. */
const DEFAULT_SORT: readonly SortKey[] = [
  {
    parameter: { code: '_lastUpdated', base: 'Resource', url: '', type: 'date', expression: '', targets: [], components: [] },
    descending: true,
  },
];

const TEXT = 'text COLLATE "C"';

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
    single: isSingleValued(parameter),
  });
  const low = (alias: string) => `${alias}.low`;
  if (parameter.type === 'date') return narrow('search_date', 'timestamptz', low);
  if (parameter.type === 'number') return narrow('search_number', 'float8', low);
  if (parameter.type === 'quantity') return narrow('search_quantity', 'float8', low);
  return narrow('search_string', TEXT, (alias) => `left(${alias}.folded, ${String(SORTED_CHARACTERS)})`);
}

function directionOf(order: Order | undefined): 'ASC' | 'DESC' {
  return order?.descending === true ? 'DESC' : 'ASC';
}

/** Whether resources are read that may have no value of a key. */
function isNullable(order: Order | undefined, index: number, reading: Reading): boolean {
  return order?.kind === 'narrow' && (index > 0 || reading === 'gathered');
}

/** Of several values the smallest counts upwards, the greatest downwards. */
export function farthestValue(order: NarrowOrder, bind: Bind): string {
  const aggregate = order.descending ? 'max' : 'min';
  return `SELECT ${aggregate}(${order.value('x')}) AS value FROM ${order.table} AS x WHERE x.rid = r.rid AND x.param = ${bind(order.param)}`;
}

/** The same for the walked values: a row that another row of the resource precedes is passed over, so each resource comes up once. */
export function noRowBefore(order: NarrowOrder, bind: Bind): string {
  const precedes = order.descending ? '>' : '<';
  return `NOT EXISTS (SELECT FROM ${order.table} AS o WHERE o.rid = s0.rid AND o.param = ${bind(order.param)}
        AND (${order.value('o')}, o.ctid) ${precedes} (${order.value('s0')}, s0.ctid))`;
}
