/** Something that waits to be stored: the resources it touches and how much it weighs. */
export interface Queued {
  /** Resources whose current version matters to it; units that share one are stored one after the other. */
  keys: readonly string[];
  bytes: number;
}

/**
 * Which waiting units are stored together next. Units that touch the same resource keep their order: one flush may hold several of
 * them (it works out the second on the result of the first), but never while another flush that touches the resource is under way.
 */
export class UnitQueue<T extends Queued> {
  private waiting: T[] = [];
  private readonly busy = new Set<string>();

  get size(): number {
    return this.waiting.length;
  }

  add(unit: T): void {
    this.waiting.push(unit);
  }

  /** The units of the next flush, in order; empty when every unit waits for a flush under way. At least one however heavy. */
  take(maxUnits: number, maxBytes: number): T[] {
    const taken: T[] = [];
    const left: T[] = [];
    const passed = new Set<string>();
    let bytes = 0;
    let full = false;
    for (const unit of this.waiting) {
      full ||= taken.length >= maxUnits || (taken.length > 0 && bytes + unit.bytes > maxBytes);
      if (full || unit.keys.some((key) => this.busy.has(key) || passed.has(key))) {
        left.push(unit);
        for (const key of unit.keys) passed.add(key);
      } else {
        taken.push(unit);
        bytes += unit.bytes;
      }
    }
    this.waiting = left;
    for (const unit of taken) for (const key of unit.keys) this.busy.add(key);
    return taken;
  }

  /** The flush of these units is over. */
  release(taken: readonly T[]): void {
    for (const unit of taken) for (const key of unit.keys) this.busy.delete(key);
  }
}
