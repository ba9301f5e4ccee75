import { Chore } from './chore.js';
import type { Retention } from './retention.js';

/** Requests to send events again: those of sockets when whoever was bound has been served, others as long as attempts are kept. */
export class PruneResends extends Chore {
  readonly name = 'prune-resends';
  readonly everySeconds = 3600;

  constructor(
    private readonly retention: Retention,
    private readonly days: number,
  ) {
    super();
  }

  run(): Promise<number> {
    return this.retention.dropResends(this.days);
  }
}
