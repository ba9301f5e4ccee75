/**
 * Gathers look-ups of one moment into one call of `load`: those asked for in the same turn of the event loop, and, while `inFlight` calls
 * are under way, all that arrive until one returns. A look-up always begins after it was asked for, so it sees what was committed before.
 */
export class CoalescedReads<Key, Value> {
  private waiting = new Map<string, { key: Key; settle: Settle<Value>[] }>();
  private running = 0;
  private scheduled = false;

  constructor(
    private readonly load: (keys: readonly Key[]) => Promise<ReadonlyMap<string, Value>>,
    private readonly nameOf: (key: Key) => string,
    private readonly limits: { inFlight: number; batch: number } = { inFlight: 2, batch: 128 },
  ) {}

  get(key: Key): Promise<Value | undefined> {
    return new Promise((resolve, reject) => {
      const name = this.nameOf(key);
      const asked = this.waiting.get(name);
      if (asked === undefined) this.waiting.set(name, { key, settle: [{ resolve, reject }] });
      else asked.settle.push({ resolve, reject });
      this.schedule();
    });
  }

  private schedule(): void {
    if (this.scheduled || this.running >= this.limits.inFlight || this.waiting.size === 0) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      void this.flush();
    });
  }

  private async flush(): Promise<void> {
    const batch = this.take();
    if (batch.size === 0) return;
    this.running++;
    this.schedule();
    try {
      const found = await this.load([...batch.values()].map(({ key }) => key));
      for (const [name, { settle }] of batch) for (const { resolve } of settle) resolve(found.get(name));
    } catch (error) {
      for (const { settle } of batch.values()) for (const { reject } of settle) reject(error);
    } finally {
      this.running--;
      this.schedule();
    }
  }

  private take(): Map<string, { key: Key; settle: Settle<Value>[] }> {
    if (this.waiting.size <= this.limits.batch) {
      const all = this.waiting;
      this.waiting = new Map();
      return all;
    }
    const some = new Map([...this.waiting].slice(0, this.limits.batch));
    for (const name of some.keys()) this.waiting.delete(name);
    return some;
  }
}

interface Settle<Value> {
  resolve: (value: Value | undefined) => void;
  reject: (error: unknown) => void;
}
