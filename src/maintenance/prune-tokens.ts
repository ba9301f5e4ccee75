import { Chore } from './chore.js';
import type { Retention } from './retention.js';

export class PruneTokens extends Chore {
  readonly name = 'prune-tokens';
  readonly everySeconds = 300;

  constructor(private readonly retention: Retention) {
    super();
  }

  run(): Promise<number> {
    return this.retention.dropTokens();
  }
}
