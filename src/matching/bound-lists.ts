import type { Clause, ClauseValue } from '../search/query.js';
import type { ExtractedValues } from '../search/values.js';
import type { Entry } from './entry.js';

/** The half of the number line in which some value of the parameter must reach, if the clause is to hold. */
interface Bound {
  parameter: string;
  side: 'above' | 'below';
  at: number;
}

/**
 * Entries with no equality but a range: filed by the bound that a value must pass, so that a change meets only those whose bound it
 * passes. The bound is a necessary condition; the clause itself decides.
 */
export class BoundLists<Owner> {
  private readonly lists = new Map<string, BoundList<Owner>>();

  /** Undefined: no clause of the entry has a usable bound. */
  add(entry: Entry<Owner>): BoundList<Owner> | undefined {
    for (const clause of entry.rest) {
      const bound = boundOf(clause);
      if (bound === undefined) continue;
      const name = `${bound.parameter} ${bound.side}`;
      let list = this.lists.get(name);
      if (list === undefined) this.lists.set(name, (list = new BoundList<Owner>(bound.parameter, bound.side)));
      list.add(entry, bound.at);
      return list;
    }
    return undefined;
  }

  visit(values: () => ExtractedValues, meet: (entry: Entry<Owner>) => void): void {
    for (const list of this.lists.values()) if (list.size > 0) list.visit(values(), meet);
  }
}

class BoundList<Owner> {
  /** Ascending for `above` (met: all up to the highest value), descending for `below` (met: all down to the lowest). */
  private sorted: { at: number; entry: Entry<Owner> }[] = [];
  /** Added since the last sorting; sorted in when they are many, else simply walked. */
  private fresh: { at: number; entry: Entry<Owner> }[] = [];
  private readonly removed = new Set<Entry<Owner>>();

  constructor(
    private readonly parameter: string,
    private readonly side: 'above' | 'below',
  ) {}

  get size(): number {
    return this.sorted.length + this.fresh.length - this.removed.size;
  }

  add(entry: Entry<Owner>, at: number): void {
    this.fresh.push({ at: this.side === 'above' ? at : -at, entry });
  }

  remove(entry: Entry<Owner>): void {
    this.removed.add(entry);
    if (this.removed.size * 2 > this.sorted.length + this.fresh.length) this.settle();
  }

  visit(values: ExtractedValues, meet: (entry: Entry<Owner>) => void): void {
    const reach = reachOf(values, this.parameter, this.side);
    if (reach === undefined) return;
    if (this.fresh.length > 64) this.settle();
    for (const { at, entry } of this.sorted) {
      if (at > reach) break;
      if (!this.removed.has(entry)) meet(entry);
    }
    for (const { at, entry } of this.fresh) if (at <= reach && !this.removed.has(entry)) meet(entry);
  }

  private settle(): void {
    this.sorted = [...this.sorted, ...this.fresh].filter(({ entry }) => !this.removed.has(entry)).sort((a, b) => a.at - b.at);
    this.fresh = [];
    this.removed.clear();
  }
}

/** How far the resource's values reach towards the bounds: the highest upper end, or the lowest lower end with its sign turned. */
function reachOf(values: ExtractedValues, parameter: string, side: 'above' | 'below'): number | undefined {
  const found = values.get(parameter);
  if (found === undefined || (found.type !== 'date' && found.type !== 'number' && found.type !== 'quantity')) return undefined;
  let reach = -Infinity;
  for (const { low, high } of found.values) reach = Math.max(reach, side === 'above' ? high : -low);
  return reach;
}

function boundOf(clause: Clause): Bound | undefined {
  if (clause.modifier !== undefined || clause.values.length === 0) return undefined;
  let side: Bound['side'] | undefined;
  let at = 0;
  for (const value of clause.values) {
    const bound = valueBound(value);
    if (bound === undefined || (side !== undefined && side !== bound.side)) return undefined;
    at = side === undefined ? bound.at : side === 'above' ? Math.min(at, bound.at) : Math.max(at, bound.at);
    side = bound.side;
  }
  return side === undefined ? undefined : { parameter: clause.parameter.code, side, at };
}

function valueBound(value: ClauseValue): { side: Bound['side']; at: number } | undefined {
  if (value.type !== 'date' && value.type !== 'number' && value.type !== 'quantity') return undefined;
  switch (value.comparator) {
    case 'gt':
    case 'ge':
    case 'sa':
    case 'eq':
      return { side: 'above', at: value.range.low };
    case 'lt':
    case 'le':
    case 'eb':
      return { side: 'below', at: value.range.high };
    default:
      return undefined;
  }
}
