import { Chore } from './chore.js';
import type { Retention } from './retention.js';

/** Requests to send events again over sockets: whoever was bound has been served. */
export class PruneResends extends Chore {
  readonly name = 'prune-resends';
  readonly everySeconds = 3600;

  constructor(private readonly retention: Retention) {
    super();
  }

  run(): Promise<number> {
    return this.retention.dropResends();
  }
}
