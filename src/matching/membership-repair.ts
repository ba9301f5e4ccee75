import type { Membership, MembershipChange } from './event-ledger.js';
import type { StandingQueries } from './standing-queries.js';

/**
 * What the numbered log must be told so that it agrees with the Subscriptions. Usually nothing: it matters after an upgrade that spells
 * filters in another way, where a subscription would otherwise wait in a group that no longer hears of anything.
 */
export async function repairMemberships(
  recorded: AsyncIterable<readonly Membership[]>,
  standing: StandingQueries,
): Promise<MembershipChange[]> {
  const repairs: MembershipChange[] = [];
  const missing = new Set(standing.subscriptionIds());
  for await (const memberships of recorded) {
    for (const { subscriptionId, groupFingerprint } of memberships) {
      missing.delete(subscriptionId);
      const group = standing.groupOf(subscriptionId);
      if (group === groupFingerprint) continue;
      repairs.push({ kind: 'leave', subscriptionId, afterEvent: 0 });
      const join = standing.joinOf(subscriptionId);
      if (join !== undefined) repairs.push({ ...join, afterEvent: 0 });
    }
  }
  for (const subscriptionId of missing) {
    const join = standing.joinOf(subscriptionId);
    if (join !== undefined) repairs.push({ ...join, afterEvent: 0 });
  }
  return repairs;
}
