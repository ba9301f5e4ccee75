import type { PageMark } from '../pull/resource-reader.js';
import type { SortKey } from '../search/query.js';
import { compareSortValues, type SortValue, sortValueOf } from '../search/sort-value.js';
import type { ExtractedValues } from '../search/values.js';
import type { ChangeRow } from './change-row.js';
import type { SearchRow } from './search-order.js';

/** A match and its place: what the leading keys say comes from an index, the rest from the resource. */
export interface Placed {
  id: string;
  version: number;
  leading: readonly (string | null)[];
  rest: readonly SortValue[];
}

/**
 * An order of which no index knows all keys. The index keeps hashes of codes, references and URIs, which have no order; sort rows for them
 * would be more than all it holds now. So the leading keys that an index walks divide the matches into groups, and each group is sorted here.
 * https://hl7.org/fhir/R4B/search.html#sort
 */
export class MemoryOrder {
  /** @param leading how many keys an index walks */
  constructor(
    private readonly sort: readonly SortKey[],
    readonly leading: number,
  ) {}

  /** The keys that an index walks, and the order of memory if there are others. */
  static divide(sort: readonly SortKey[]): { indexed: readonly SortKey[]; order?: MemoryOrder } {
    const leading = sort.findIndex((key) => !isIndexed(key));
    return leading < 0 ? { indexed: sort } : { indexed: sort.slice(0, leading), order: new MemoryOrder(sort, leading) };
  }

  place(row: ChangeRow, values: ExtractedValues): Placed {
    const keys = row as Partial<SearchRow>;
    return {
      id: row.id,
      version: row.version,
      leading: this.sort.slice(0, this.leading).map((_, i) => keys[`k${i}`] ?? null),
      rest: this.sort.slice(this.leading).map((key) => sortValueOf(key, values)),
    };
  }

  /** Within a group: absent values last in either direction; ids decide between equals. */
  compare(a: Pick<Placed, 'id' | 'rest'>, b: Pick<Placed, 'id' | 'rest'>): number {
    for (let i = 0; i < a.rest.length; i++) {
      const [left, right] = [a.rest[i], b.rest[i]];
      if (left === undefined && right === undefined) continue;
      if (left === undefined) return 1;
      if (right === undefined) return -1;
      const compared = compareSortValues(left, right);
      if (compared !== 0) return this.sort[this.leading + i]?.descending === true ? -compared : compared;
    }
    return compareSortValues(a.id, b.id);
  }

  /** Where an index has to begin so that the whole group of a mark comes up; undefined: where it begins. */
  startOf({ keys }: PageMark): PageMark | undefined {
    if (this.leading === 0) return undefined;
    return { keys: keys.slice(0, this.leading), tie: this.sort[0]?.descending === true ? ABOVE_ALL_RIDS : BELOW_ALL_RIDS };
  }

  /** Whether a match comes after a mark, in the mark's group or in a later one. */
  isAfter(placed: Placed, mark: PageMark): boolean {
    if (placed.leading.some((key, i) => key !== mark.keys[i])) return true;
    const rest = mark.keys.slice(this.leading).map((key, i) => this.valueOf(key, this.sort[this.leading + i]));
    return this.compare(placed, { id: mark.tie, rest }) > 0;
  }

  /** Keys as a mark bears them. */
  marked({ leading, rest }: Placed): Record<`k${number}`, string | null> {
    const keys = [...leading, ...rest.map((value) => (value === undefined ? null : String(value)))];
    return Object.fromEntries(keys.map((key, i) => [`k${i}`, key]));
  }

  /** The mark that leads on from a row. */
  mark(row: SearchRow): PageMark {
    return { keys: this.sort.map((_, i) => row[`k${i}`] ?? null), tie: row.id };
  }

  accepts({ keys, tie }: PageMark): boolean {
    return (
      /^[A-Za-z0-9\-.]{1,64}$/.test(tie) &&
      keys.length === this.sort.length &&
      keys.every(
        (key, i) =>
          key === null || (typeof key === 'string' && (i < this.leading || !Number.isNaN(this.valueOf(key, this.sort[i])))),
      )
    );
  }

  private valueOf(key: string | number | null | undefined, of: SortKey | undefined): SortValue {
    if (key === null || key === undefined) return undefined;
    return of !== undefined && NUMERIC.has(of.parameter.type) ? Number(key) : String(key);
  }
}

/** Whether the store has rows that are in the order of a key. */
function isIndexed({ parameter: { code, type } }: SortKey): boolean {
  return code === '_id' || type === 'string' || NUMERIC.has(type);
}

const NUMERIC = new Set(['date', 'number', 'quantity']);

const BELOW_ALL_RIDS = '0';
const ABOVE_ALL_RIDS = '999999999999999999';
