import { Chore } from './chore.js';
import type { Retention } from './retention.js';

/** Events that were set aside: those taken since go with the attempts; others stay while their event may still be kept. */
export class PruneDeadLetters extends Chore {
  readonly name = 'prune-dead-letters';
  readonly everySeconds = 3600;

  constructor(
    private readonly retention: Retention,
    private readonly attemptDays: number,
    /** Undefined: events are kept for ever. */
    private readonly eventDays: number | undefined,
  ) {
    super();
  }

  run(): Promise<number> {
    const unresolvedDays = this.eventDays === undefined ? undefined : Math.max(this.eventDays, this.attemptDays);
    return this.retention.dropLetters(this.attemptDays, unresolvedDays);
  }
}
