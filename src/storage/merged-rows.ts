import type { PageMark } from '../pull/resource-reader.js';
import type { SearchRow } from './search-order.js';
import type { SearchWalk } from './search-walk.js';
import type { Walk } from './walk.js';

/** Rows read of one type at a time: most pages take few of each. */
const OF_A_TYPE = 20;

/**
 * The first `count` rows of several searches as one, all in the order of their first key and then of their rid, in one direction. Of
 * each type no more is read than the page takes.
 */
export async function mergedRows(
  search: SearchWalk,
  walks: readonly Walk[],
  descending: boolean,
  count: number,
  after?: PageMark,
): Promise<{ rows: SearchRow[]; more: boolean }> {
  const streams = walks.map((walk) => search.rows(walk, Math.min(count + 1, OF_A_TYPE), after));
  const heads: { row: SearchRow; stream: AsyncGenerator<SearchRow> }[] = [];
  for (const stream of streams) {
    const { value: row } = await stream.next();
    if (row !== undefined) heads.push({ row, stream });
  }
  const rows: SearchRow[] = [];
  while (heads.length > 0 && rows.length < count) {
    let first = 0;
    for (let i = 1; i < heads.length; i++) {
      if (comesBefore(heads[i]!.row, heads[first]!.row, descending)) first = i;
    }
    const head = heads[first]!;
    rows.push(head.row);
    const { value: row } = await head.stream.next();
    if (row === undefined) heads.splice(first, 1);
    else head.row = row;
  }
  return { rows, more: heads.length > 0 };
}

/** Instants as PostgreSQL writes them, of one time zone, and ids have the order of their texts. */
function comesBefore(a: SearchRow, b: SearchRow, descending: boolean): boolean {
  const [first, second] = [a.k0 ?? '', b.k0 ?? ''];
  const isLess = first === second ? a.rid < b.rid : first < second;
  return isLess !== descending;
}
