import type { Change } from '../fhir/change.js';
import type { IndexRows } from '../search/values.js';
import { bigintsParameter, doublesParameter, integersParameter, keysParameter, textsParameter } from './array-parameters.js';

/** A resource's row number, and the keys it is found by. */
export interface Indexed {
  rid: bigint;
  rows: IndexRows;
}

/** The state a resource has after a flush: its last version and the keys it is found by. */
export interface CurrentRow extends Indexed {
  change: Change;
}

/** The parameters of APPEND_CHANGES and APPEND_NEW, in their order. @param generation of the search definitions that the rows were made by */
export function appendParameters(changes: readonly Change[], current: readonly CurrentRow[], generation: number): unknown[] {
  return [...versionColumns(changes), ...currentColumns(current), ...searchColumns(current), generation];
}

/** Keys and rows of the narrow tables, in the order of PUT_INDEX_ROWS. */
export function indexColumns(current: readonly Indexed[]): unknown[] {
  return [...keyColumns(current.map(({ rows }) => rows.keys)), ...searchColumns(current)];
}

function versionColumns(changes: readonly Change[]): unknown[] {
  return [
    lines(changes, (change) => change.type),
    lines(changes, (change) => change.id),
    integersParameter(changes.map((change) => change.version)),
    lines(changes, (change) => change.interaction),
    lines(changes, (change) => change.method),
    lines(changes, (change) => change.face),
    doublesParameter(changes.map((change) => change.at.getTime() / 1000)),
    textsParameter(changes.map((change) => change.body)),
    // Of a thousand changes perhaps one: an empty text instead of a list where there is none.
    changes.some((change) => change.event !== undefined)
      ? lines(changes, (change) => (change.event === undefined ? '' : JSON.stringify(change.event)))
      : '',
  ];
}

function currentColumns(current: readonly CurrentRow[]): unknown[] {
  return [
    bigintsParameter(current.map((row) => row.rid)),
    lines(current, (row) => row.change.type),
    lines(current, (row) => row.change.id),
    integersParameter(current.map((row) => row.change.version)),
    `{${current.map((row) => (row.change.body === null ? 't' : 'f')).join(',')}}`,
    doublesParameter(current.map((row) => row.change.at.getTime() / 1000)),
    ...keyColumns(current.map((row) => row.rows.keys)),
  ];
}

function searchColumns(current: readonly Indexed[]): unknown[] {
  const dates = flat(current, (rows) => rows.dates);
  const numbers = flat(current, (rows) => rows.numbers);
  const quantities = flat(current, (rows) => rows.quantities);
  const strings = flat(current, (rows) => rows.strings);
  return [
    bigintsParameter(dates.rids),
    integersParameter(dates.rows.map((row) => row.param)),
    doublesParameter(dates.rows.map((row) => row.low / 1000)),
    doublesParameter(dates.rows.map((row) => row.high / 1000)),
    bigintsParameter(numbers.rids),
    integersParameter(numbers.rows.map((row) => row.param)),
    doublesParameter(numbers.rows.map((row) => row.low)),
    doublesParameter(numbers.rows.map((row) => row.high)),
    bigintsParameter(quantities.rids),
    integersParameter(quantities.rows.map((row) => row.param)),
    doublesParameter(quantities.rows.map((row) => row.low)),
    doublesParameter(quantities.rows.map((row) => row.high)),
    ...keyColumns(quantities.rows.map((row) => row.unitKeys)),
    bigintsParameter(strings.rids),
    integersParameter(strings.rows.map((row) => row.param)),
    textsParameter(strings.rows.map((row) => row.folded)),
    textsParameter(strings.rows.map((row) => row.exact)),
  ];
}

/** All keys in one array, and for each row the places of its first and last one there. */
function keyColumns(lists: readonly (readonly number[])[]): unknown[] {
  const first: number[] = [];
  const last: number[] = [];
  let place = 0;
  for (const list of lists) {
    first.push(place + 1);
    place += list.length;
    last.push(place);
  }
  return [keysParameter(lists), integersParameter(first), integersParameter(last)];
}

function flat<Row>(current: readonly Indexed[], rowsOf: (rows: IndexRows) => readonly Row[]): { rids: bigint[]; rows: Row[] } {
  const all: { rids: bigint[]; rows: Row[] } = { rids: [], rows: [] };
  for (const { rid, rows } of current) {
    for (const row of rowsOf(rows)) {
      all.rids.push(rid);
      all.rows.push(row);
    }
  }
  return all;
}

/** Short texts without line feeds, one a line: for types, ids and codes that takes less than a binary array, on both sides. */
function lines<T>(items: readonly T[], text: (item: T) => string): string {
  return items.map(text).join('\n');
}
