/** Groups by fingerprint, in parts by its first byte: a Map of a million stops the thread for a tenth of a second whenever it grows. */
export class GroupTable<Group extends { readonly fingerprint: string }> {
  size = 0;
  private readonly parts = new Map<string, Map<string, Group>>();

  get(fingerprint: string): Group | undefined {
    return this.parts.get(fingerprint.slice(0, 2))?.get(fingerprint);
  }

  add(group: Group): void {
    const { fingerprint } = group;
    const prefix = fingerprint.slice(0, 2);
    let part = this.parts.get(prefix);
    if (part === undefined) this.parts.set(prefix, (part = new Map<string, Group>()));
    if (!part.has(fingerprint)) this.size++;
    part.set(fingerprint, group);
  }

  delete({ fingerprint }: Group): void {
    if (this.parts.get(fingerprint.slice(0, 2))?.delete(fingerprint) === true) this.size--;
  }

  *values(): Iterable<Group> {
    for (const part of this.parts.values()) yield* part.values();
  }
}
