import { Chore } from './chore.js';
import type { Retention } from './retention.js';

/** A follower lags by seconds, and one that starts does not look back; an hour leaves room for a process that was stopped for a while. */
const MINUTES = 60;

export class PruneMatchBatches extends Chore {
  readonly name = 'prune-match-batches';
  readonly everySeconds = 60;

  constructor(private readonly retention: Retention) {
    super();
  }

  run(): Promise<number> {
    return this.retention.dropMatchBatches(MINUTES);
  }
}
