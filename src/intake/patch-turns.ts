/**
 * Lets the patches of one resource follow one another within this process: each reads what the one before it wrote, instead of losing a
 * race to it. Other processes and other writes are met by the version that a patch was made from.
 */
export class PatchTurns {
  private readonly last = new Map<string, Promise<unknown>>();

  async take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.last.get(key) ?? Promise.resolve();
    const mine = before.then(work, work);
    this.last.set(key, mine);
    try {
      return await mine;
    } finally {
      if (this.last.get(key) === mine) this.last.delete(key);
    }
  }
}
