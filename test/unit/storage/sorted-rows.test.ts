import { expect, test } from '@jest/globals';

import type { PageMark } from '../../../src/pull/resource-reader.js';
import type { ChangeRow } from '../../../src/storage/change-row.js';
import { MemoryOrder } from '../../../src/storage/memory-order.js';
import type { SearchRow } from '../../../src/storage/search-order.js';
import { type FoundRows, MOST_SORTED, sortedRows } from '../../../src/storage/sorted-rows.js';
import { SEMANTICS } from '../../support/semantics.js';

/** Observations by id: when they were effective, and their status. */
type Given = Record<string, [date: string, status: string]>;

function found(given: Given, order: MemoryOrder, exact: boolean) {
  const read = { walked: 0, named: [] as number[] };
  const row = (id: string) => ({ id, version: 1, k0: given[id]![0] }) as unknown as SearchRow;
  const ids = Object.keys(given).sort((a, b) => (given[a]![0] < given[b]![0] ? -1 : 1));
  const rows: FoundRows = {
    async *walked(_: number, after?: PageMark) {
      for (const id of ids) {
        if (order.leading > 0 && after !== undefined && given[id]![0] < String(after.keys[0])) continue;
        read.walked++;
        yield row(id);
      }
    },
    ...(exact ? { unordered: async (limit: number) => ids.slice(0, limit).map((id) => ({ id, version: 1 })) } : {}),
    async named(versions) {
      read.named.push(versions.length);
      return versions.map(({ id }): ChangeRow => row(id));
    },
    valuesOf: ({ id }) => SEMANTICS.extract('Observation', { resourceType: 'Observation', id, status: given[id]![1] }),
  };
  return { rows, read };
}

const orderOf = (sort: string) =>
  MemoryOrder.divide(SEMANTICS.parse('Observation', `_sort=${sort}`, { handling: 'strict' }).sort).order!;

const many = (count: number, date: (n: number) => string): Given =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`o${n}`, [date(n), n % 2 ? 'final' : 'amended']]));

test('an order that an index has wholly is left to it', () => {
  for (const sort of ['date', '-_lastUpdated,_id', 'value-quantity,value-string']) expect(orderOf(sort)).toBeUndefined();
});

test.each([true, false])('more than can be sorted are refused before they are all read', async (exact) => {
  const order = orderOf('status');
  const { rows, read } = found(
    many(2 * MOST_SORTED, () => '2020'),
    order,
    exact,
  );
  await expect(sortedRows(rows, order, 10).next()).rejects.toMatchObject({
    status: 400,
    issues: [{ code: 'too-costly', expression: '_sort' }],
  });
  expect(read.walked).toBeLessThanOrEqual(MOST_SORTED + 1);
  expect(read.named).toEqual([]);
});

test('any number is walked where an index divides them into groups, and no further than the page takes', async () => {
  const order = orderOf('date,status');
  const { rows, read } = found(
    many(2 * MOST_SORTED, (n) => String(n >> 2).padStart(5, '0')),
    order,
    true,
  );
  const page: string[] = [];
  for await (const { id } of sortedRows(rows, order, 6)) if (page.push(id) === 6) break;
  expect(page).toEqual(['o0', 'o2', 'o1', 'o3', 'o4', 'o6']);
  expect(read.walked).toBe(9);
  expect(read.named).toEqual([6]);
});

test('a mark within a group leads on in it', async () => {
  const order = orderOf('date,-status');
  const { rows } = found(
    { a: ['1', 'final'], b: ['2', 'amended'], c: ['2', 'final'], d: ['2', 'final'], e: ['3', 'final'] },
    order,
    true,
  );
  const seen: string[] = [];
  for (let mark: PageMark | undefined, last: SearchRow | undefined; ; mark = order.mark(last)) {
    const next = await sortedRows(rows, order, 1, mark).next();
    if (next.done === true) break;
    last = next.value;
    seen.push(last.id);
    expect(order.accepts(order.mark(last))).toBe(true);
  }
  expect(seen).toEqual(['a', 'c', 'd', 'b', 'e']);
});

test('a mark of another order is not taken', () => {
  const order = orderOf('status,date');
  expect(order.accepts({ keys: ['final\0', '0'], tie: 'a' })).toBe(true);
  expect(order.accepts({ keys: [null, '-Infinity'], tie: 'a' })).toBe(true);
  for (const mark of [
    { keys: ['final\0'], tie: 'a' },
    { keys: ['final\0', 'later'], tie: 'a' },
    { keys: ['final\0', 5], tie: 'a' },
    { keys: ['final\0', '5'], tie: "a'" },
  ])
    expect(order.accepts(mark)).toBe(false);
});
