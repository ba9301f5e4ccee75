import { Chore } from './chore.js';
import type { Retention } from './retention.js';

/** Numbered events past their days, unless a subscription is still owed them. */
export class PruneEvents extends Chore {
  readonly name = 'prune-events';
  readonly everySeconds = 600;

  constructor(
    private readonly retention: Retention,
    /** Undefined: events are kept for ever. */
    private readonly days: number | undefined,
  ) {
    super();
  }

  async run(): Promise<number> {
    return this.days === undefined ? 0 : this.retention.dropEvents(this.days);
  }
}
