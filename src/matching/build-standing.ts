import { setImmediate as yieldToOthers } from 'node:timers/promises';
import type { LogPosition } from '../fhir/change.js';
import type { ChangeLog } from './change-log.js';
import type { EventLedger } from './event-ledger.js';
import type { StandingQueries } from './standing-queries.js';

/**
 * Fills an empty index with what stands for some partitions at the place they have come to: topics from the change log, groups from the
 * numbered log. The Subscriptions themselves need not be read. The partitions must not move meanwhile. Gives the thread to others every
 * `sliceMilliseconds`; `stopped` ends it early.
 */
export async function buildStanding(
  standing: StandingQueries,
  partitions: readonly number[],
  position: LogPosition,
  { changes, ledger }: { changes: ChangeLog; ledger: EventLedger },
  sliceMilliseconds: number,
  stopped: () => boolean,
): Promise<void> {
  for await (const topics of changes.snapshot(['SubscriptionTopic'], position)) {
    for (const topic of topics) standing.apply(topic);
    await yieldToOthers();
  }
  for await (const groups of ledger.groups(partitions)) {
    if (stopped()) return;
    let deadline = performance.now() + sliceMilliseconds;
    for (const group of groups) {
      standing.stand(group);
      if (performance.now() < deadline) continue;
      await yieldToOthers();
      if (stopped()) return;
      deadline = performance.now() + sliceMilliseconds;
    }
  }
}
