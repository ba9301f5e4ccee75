/** What was found to be too common to gather, keys or ranges: that is not tried again for a while. It decides the way, never the answer. */
export class CommonKeys {
  private readonly until = new Map<string, number>();

  constructor(private readonly now: () => number = Date.now) {}

  has(asked: string): boolean {
    const until = this.until.get(asked);
    if (until !== undefined && until > this.now()) return true;
    this.until.delete(asked);
    return false;
  }

  add(asked: string): void {
    if (asked.length > MOST_CHARACTERS) return;
    const [oldest] = this.until.keys();
    if (this.until.size >= MOST_KNOWN && oldest !== undefined) this.until.delete(oldest);
    this.until.set(asked, this.now() + KNOWN_MILLISECONDS);
  }
}

const MOST_KNOWN = 1000;
/** Long lists of values are not asked for again and again. */
const MOST_CHARACTERS = 4000;
const KNOWN_MILLISECONDS = 300_000;
