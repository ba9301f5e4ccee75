import { LIVE } from './entry.js';

/** A number for each canonical that somebody subscribes to, the same in all indexes of this process, so that entries may move between them. */
export class Gates {
  private readonly numbers = new Map<string, number>();

  of(canonical: string): number {
    let gate = this.numbers.get(canonical);
    if (gate === undefined) this.numbers.set(canonical, (gate = LIVE + 1 + this.numbers.size));
    return gate;
  }
}
