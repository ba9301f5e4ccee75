/** Keys up to which a list is looked through for duplicates. */
const LISTED = 64;

/**
 * Distinct keys in the order of their coming, as one list of plain doubles. Most resources have a few dozen, and looking through so short a
 * list takes less time, and a tenth of the memory, than a Set of boxed numbers.
 */
export class KeySet {
  readonly keys: number[] = [];
  private many: Set<number> | undefined;

  add(key: number): void {
    if (this.many === undefined) {
      if (this.keys.includes(key)) return;
      if (this.keys.push(key) > LISTED) this.many = new Set(this.keys);
      return;
    }
    if (this.many.has(key)) return;
    this.many.add(key);
    this.keys.push(key);
  }
}
