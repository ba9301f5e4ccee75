/**
 * Bounds how many attempts are under way to one host and in all. Who has to wait is called in the order of asking; a host that is full
 * holds back only those who want the same host.
 */
export class AttemptPlaces {
  private inAll = 0;
  private readonly hosts = new Map<string, { under: number; waiting: (() => void)[] }>();
  /** Hosts with somebody waiting who only lacks a place in all. */
  private readonly ready = new Set<string>();

  constructor(
    private readonly perHost: number,
    private readonly most: number,
  ) {}

  /** True: the place is taken. False: `later` is called once it is. */
  enter(host: string, later: () => void): boolean {
    let entry = this.hosts.get(host);
    if (!entry) this.hosts.set(host, (entry = { under: 0, waiting: [] }));
    if (entry.under < this.perHost && this.inAll < this.most && entry.waiting.length === 0) {
      entry.under += 1;
      this.inAll += 1;
      return true;
    }
    entry.waiting.push(later);
    if (entry.under < this.perHost) this.ready.add(host);
    return false;
  }

  leave(host: string): void {
    const entry = this.hosts.get(host)!;
    entry.under -= 1;
    this.inAll -= 1;
    if (entry.waiting.length > 0) this.ready.add(host);
    else if (entry.under === 0) this.hosts.delete(host);
    while (this.inAll < this.most) {
      const [next] = this.ready;
      if (next === undefined) return;
      this.ready.delete(next);
      const chosen = this.hosts.get(next)!;
      const call = chosen.under < this.perHost ? chosen.waiting.shift() : undefined;
      if (!call) continue;
      chosen.under += 1;
      this.inAll += 1;
      // To the back of the row, so that hosts take turns.
      if (chosen.waiting.length > 0 && chosen.under < this.perHost) this.ready.add(next);
      call();
    }
  }
}
