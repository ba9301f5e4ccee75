import type { Change } from '../fhir/change.js';
import type { IndexRows } from '../search/values.js';

/** The state a resource has after a flush: its last version and the keys it is found by. */
export interface CurrentRow {
  rid: bigint;
  change: Change;
  rows: IndexRows;
}

/** The parameters of APPEND_CHANGES, in its order. */
export function appendParameters(changes: readonly Change[], current: readonly CurrentRow[]): unknown[] {
  return [...versionColumns(changes), ...currentColumns(current), ...searchColumns(current)];
}

function versionColumns(changes: readonly Change[]): unknown[] {
  return [
    lines(changes, (change) => change.type),
    lines(changes, (change) => change.id),
    array(changes, (change) => change.version),
    lines(changes, (change) => change.interaction),
    lines(changes, (change) => change.method),
    lines(changes, (change) => change.face),
    array(changes, (change) => change.at.getTime() / 1000),
    lines(changes, (change) => change.body ?? ''),
    // Of a thousand changes perhaps one: an empty text instead of a list where there is none.
    changes.some((change) => change.event !== undefined)
      ? lines(changes, (change) => (change.event === undefined ? '' : JSON.stringify(change.event)))
      : '',
  ];
}

function currentColumns(current: readonly CurrentRow[]): unknown[] {
  return [
    array(current, (row) => row.rid),
    lines(current, (row) => row.change.type),
    lines(current, (row) => row.change.id),
    array(current, (row) => row.change.version),
    array(current, (row) => (row.change.body === null ? 't' : 'f')),
    array(current, (row) => row.change.at.getTime() / 1000),
    lines(current, (row) => `{${row.rows.keys.join(',')}}`),
  ];
}

function searchColumns(current: readonly CurrentRow[]): unknown[] {
  const dates = flat(current, (rows) => rows.dates);
  const numbers = flat(current, (rows) => rows.numbers);
  const quantities = flat(current, (rows) => rows.quantities);
  const strings = flat(current, (rows) => rows.strings);
  return [
    array(dates, ({ rid }) => rid),
    array(dates, ({ row }) => row.param),
    array(dates, ({ row }) => row.low / 1000),
    array(dates, ({ row }) => row.high / 1000),
    array(numbers, ({ rid }) => rid),
    array(numbers, ({ row }) => row.param),
    array(numbers, ({ row }) => row.low),
    array(numbers, ({ row }) => row.high),
    array(quantities, ({ rid }) => rid),
    array(quantities, ({ row }) => row.param),
    array(quantities, ({ row }) => row.low),
    array(quantities, ({ row }) => row.high),
    lines(quantities, ({ row }) => `{${row.unitKeys.join(',')}}`),
    array(strings, ({ rid }) => rid),
    array(strings, ({ row }) => row.param),
    array(strings, ({ row }) => quoted(row.folded)),
    array(strings, ({ row }) => quoted(row.exact)),
  ];
}

function flat<Row>(current: readonly CurrentRow[], rowsOf: (rows: IndexRows) => readonly Row[]): { rid: bigint; row: Row }[] {
  const all: { rid: bigint; row: Row }[] = [];
  for (const { rid, rows } of current) for (const row of rowsOf(rows)) all.push({ rid, row });
  return all;
}

/** Texts without line feeds, one a line: minified JSON never holds a raw line feed, nor do types, ids and codes. */
function lines<T>(items: readonly T[], text: (item: T) => string): string {
  return items.map(text).join('\n');
}

function array<T>(items: readonly T[], element: (item: T) => string | number | bigint): string {
  return `{${items.map(element).join(',')}}`;
}

function quoted(text: string): string {
  return `"${/["\\]/.test(text) ? text.replace(/["\\]/g, '\\$&') : text}"`;
}
