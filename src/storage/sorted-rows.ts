import { FhirError } from '../fhir/fhir-error.js';
import type { PageMark } from '../pull/resource-reader.js';
import type { ExtractedValues } from '../search/values.js';
import type { ChangeRow } from './change-row.js';
import type { MemoryOrder, Placed } from './memory-order.js';
import type { SearchRow } from './search-order.js';

/** Most matches that are sorted in memory: those that agree in all keys before the first one that no index has in order. */
export const MOST_SORTED = 10_000;
/** Read at a time where groups are sorted: most groups are small, and a page is made of several. */
const GROUPED_AT_A_TIME = 100;
/** Read at a time where there is one group, and texts are only read for what they sort by. */
const PLACED_AT_A_TIME = 500;

type NamedVersion = Pick<ChangeRow, 'id' | 'version'>;

/** The matches of a search, as the database gives them. */
export interface FoundRows {
  /** In the order of the leading keys; after a mark in that order. */
  walked(atATime: number, after?: PageMark): AsyncGenerator<SearchRow>;
  /** Up to `limit` in no order, where the index alone decides. */
  unordered?(limit: number): Promise<readonly NamedVersion[]>;
  named(versions: readonly NamedVersion[]): Promise<ChangeRow[]>;
  valuesOf(row: ChangeRow): ExtractedValues;
}

/**
 * Matches in an order of memory. Each page reads the group it begins in anew, so that a mark leads on whatever was written meanwhile; of a
 * group no more than places are kept, and the texts of a page are read once its rows are known.
 * @throws FhirError 400 too-costly where a group is too large
 */
export async function* sortedRows(
  found: FoundRows,
  order: MemoryOrder,
  wanted: number,
  after?: PageMark,
): AsyncGenerator<SearchRow> {
  let due: Placed[] = [];
  for await (const group of groups(order.leading === 0 ? onlyGroup(found, order) : walked(found, order, wanted, after))) {
    const following = after === undefined ? group : group.filter((placed) => order.isAfter(placed, after));
    due.push(...following.sort((a, b) => order.compare(a, b)));
    for (; due.length >= wanted; due = due.slice(wanted)) yield* await rowsOf(found, order, due.slice(0, wanted));
  }
  yield* await rowsOf(found, order, due);
}

async function* groups(all: AsyncGenerator<Placed>): AsyncGenerator<Placed[]> {
  let group: Placed[] = [];
  for await (const placed of all) {
    if (group[0]?.leading.some((key, i) => key !== placed.leading[i]) === true) {
      yield group;
      group = [];
    }
    if (group.push(placed) > MOST_SORTED) throw tooManyToSort();
  }
  yield group;
}

async function* walked(found: FoundRows, order: MemoryOrder, wanted: number, after?: PageMark): AsyncGenerator<Placed> {
  const start = after === undefined ? undefined : order.startOf(after);
  for await (const row of found.walked(Math.max(wanted, GROUPED_AT_A_TIME), start)) yield order.place(row, found.valuesOf(row));
}

async function* onlyGroup(found: FoundRows, order: MemoryOrder): AsyncGenerator<Placed> {
  if (found.unordered === undefined) {
    yield* walked(found, order, PLACED_AT_A_TIME);
    return;
  }
  const versions = await found.unordered(MOST_SORTED + 1);
  if (versions.length > MOST_SORTED) throw tooManyToSort();
  for (let at = 0; at < versions.length; at += PLACED_AT_A_TIME) {
    const rows = await found.named(versions.slice(at, at + PLACED_AT_A_TIME));
    for (const row of rows) yield order.place(row, found.valuesOf(row));
  }
}

async function rowsOf(found: FoundRows, order: MemoryOrder, placed: readonly Placed[]): Promise<SearchRow[]> {
  if (placed.length === 0) return [];
  const marks = new Map(placed.map((each) => [each.id, order.marked(each)]));
  return (await found.named(placed)).map((row) => Object.assign(row as SearchRow, marks.get(row.id)));
}

function tooManyToSort(): FhirError {
  const most = `more than ${String(MOST_SORTED)} resources would have to be sorted by a code, reference or URI`;
  const why = `parameter '_sort': ${most}; narrow the search down, or sort by a date, a string or a number first`;
  return new FhirError('too-costly', why, '_sort', { status: 400 });
}
