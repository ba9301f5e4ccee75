import { type LinkedResources, type LinkQuestion, type LinkVerdict } from '../subscriptions/linked-resources.js';
import type { Log } from '../telemetry/log.js';
import type { MatchedEvent, MembershipChange } from './event-ledger.js';
import type { FailingGroups } from './failing-groups.js';

/** A group whose own part holds; the rest is for other resources to decide. */
export interface OpenMatch extends LinkQuestion {
  fingerprint: string;
}

/** What decides the rest, and what becomes of groups that cannot be decided. */
export interface LinkSettlement {
  linked: LinkedResources;
  failing: FailingGroups;
}

/** An event that is there only if its question comes out so. */
export interface OpenEvent {
  /** Its place among the events of the slice. */
  index: number;
  match: OpenMatch;
}

const REASON =
  'Its criteria follow links to so many resources that they could not be tested in time. The hub has switched it off.';

/**
 * Asks all open questions of a slice together and takes out the events that do not hold, so that numbers are those of a log in which
 * they were never thought of. A group that cannot be decided is switched off before the slice is committed: an event is never left out
 * in silence.
 */
export async function settleLinks(
  open: readonly OpenEvent[],
  events: readonly MatchedEvent[],
  memberships: readonly MembershipChange[],
  { linked, failing }: LinkSettlement,
  log: Log,
): Promise<{ events: MatchedEvent[]; memberships: MembershipChange[] }> {
  const verdicts = await linked.hold(open.map(({ match }) => match));
  const failed = new Set(open.filter((_, i) => undecided(verdicts[i])).map(({ match }) => match.fingerprint));
  for (const fingerprint of failed) {
    log.error({ fingerprint }, 'matching.links-undecided');
    await failing.switchOff(fingerprint, REASON);
  }
  const out = new Set(open.filter((_, i) => verdicts[i] !== true).map(({ index }) => index));
  if (out.size === 0) return { events: [...events], memberships: [...memberships] };
  // How many of the first so many events are left.
  const left = [0];
  for (let index = 0; index < events.length; index++) left.push(left[index]! + (out.has(index) ? 0 : 1));
  return {
    events: events.filter((_, index) => !out.has(index)),
    memberships: memberships.map((step) => (step.kind === 'forget' ? step : { ...step, afterEvent: left[step.afterEvent]! })),
  };
}

const undecided = (verdict: LinkVerdict | undefined) => verdict === 'undecided';

/** Where nothing was wired to look at other resources: what would need it, fails. */
export const NO_LINKS: LinkSettlement = {
  linked: { hold: () => Promise.reject(new Error('There is nothing to ask other resources by')) },
  failing: { switchOff: () => Promise.reject(new Error('There is nothing to switch Subscriptions off by')) },
};
