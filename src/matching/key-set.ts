/** The equality keys of one change, asked many times a change and refilled for the next: open addressing, emptied by a new stamp. */
export class KeySet {
  private mask = 1023;
  private slots = new Float64Array(1024);
  private stamps = new Uint32Array(1024);
  private stamp = 0;

  fill(keys: readonly number[], gates: readonly number[]): void {
    const size = keys.length + gates.length;
    if (size * 2 > this.mask) this.grow(size * 4);
    if (++this.stamp === 0xffffffff) {
      this.stamps.fill(0);
      this.stamp = 1;
    }
    for (const key of keys) this.add(key);
    for (const gate of gates) this.add(gate);
  }

  has(key: number): boolean {
    const { mask, slots, stamps, stamp } = this;
    // ToInt32 keeps the low 32 bits of a 53-bit key, which are well mixed.
    for (let slot = (key | 0) & mask; stamps[slot] === stamp; slot = (slot + 1) & mask) {
      if (slots[slot] === key) return true;
    }
    return false;
  }

  hasAny(keys: number | readonly number[]): boolean {
    return typeof keys === 'number' ? this.has(keys) : keys.some((key) => this.has(key));
  }

  private add(key: number): void {
    const { mask, slots, stamps, stamp } = this;
    let slot = (key | 0) & mask;
    while (stamps[slot] === stamp) {
      if (slots[slot] === key) return;
      slot = (slot + 1) & mask;
    }
    slots[slot] = key;
    stamps[slot] = stamp;
  }

  private grow(atLeast: number): void {
    const capacity = 2 ** Math.ceil(Math.log2(atLeast));
    this.mask = capacity - 1;
    this.slots = new Float64Array(capacity);
    this.stamps = new Uint32Array(capacity);
    this.stamp = 0;
  }
}
