import { Chore } from './chore.js';
import type { Retention } from './retention.js';

/** What messages were answered is kept as long as `/metadata` promises (`messaging.reliableCache`). */
export class PruneMessages extends Chore {
  readonly name = 'prune-messages';
  readonly everySeconds = 60;

  constructor(
    private readonly retention: Retention,
    private readonly minutes: number,
  ) {
    super();
  }

  run(): Promise<number> {
    return this.retention.dropMessages(this.minutes);
  }
}
