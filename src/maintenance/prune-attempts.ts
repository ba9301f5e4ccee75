import { Chore } from './chore.js';
import type { Retention } from './retention.js';

/** Attempts lie in a partition for each day; old days are dropped whole. */
export class PruneAttempts extends Chore {
  readonly name = 'prune-attempts';
  readonly everySeconds = 600;

  constructor(
    private readonly retention: Retention,
    private readonly days: number,
  ) {
    super();
  }

  run(): Promise<number> {
    return this.retention.dropAttempts(this.days);
  }
}
