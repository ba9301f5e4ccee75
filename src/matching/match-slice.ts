import type { Change } from '../fhir/change.js';
import type { Log } from '../telemetry/log.js';
import type { ChangeLog } from './change-log.js';
import type { MatchedBatch, MembershipChange } from './event-ledger.js';
import { inSlices } from './in-slices.js';
import type { EventSubject } from './match-change.js';
import { type LinkSettlement, type OpenEvent, type OpenMatch, settleLinks } from './settle-links.js';
import { type StandingQueries, STANDING_TYPES } from './standing-queries.js';

/** What the front of some pending changes comes to. */
export interface Slice {
  batch: Omit<MatchedBatch, 'leases'>;
  taken: number;
  /** The standing queries are no longer those of the slice's beginning. */
  standingChanged: boolean;
}

/** A resource that a coded event is about. */
interface ToldFocus {
  focus: Change;
  written: boolean;
  previous: Change | undefined;
}

export interface SliceRules {
  /** Time of the thread that a slice takes, at most (but always one change). */
  milliseconds: number;
  /** Changes that have no effect any more: a newer version of their resource was met before. */
  overtaken: ReadonlySet<Change>;
  /** A Subscription for which all others have come to its place. */
  reached: Change | undefined;
  /** Decides what the standing queries leave open. */
  links: LinkSettlement;
  /** Called before the standing queries are changed for the first time. */
  beforeChange(): void;
}

/**
 * Matches from the front of `pending` until time is up, or until a change needs its previous version only because of a Subscription or
 * topic that came before it in the slice (that one is for the next slice, which asks for it), or until one must wait for the other
 * partitions. Undefined: the very first one must wait.
 */
export async function matchSlice(
  pending: readonly Change[],
  standing: StandingQueries,
  changes: ChangeLog,
  log: Log,
  rules: SliceRules,
): Promise<Slice | undefined> {
  const asking = pending.filter((change) => standing.needsPrevious(change));
  const previous = asking.length === 0 ? undefined : await changes.previous(asking);
  const asked = new Set(asking);
  const told = await eventsOf(pending, changes);

  const events: MatchedBatch['events'][number][] = [];
  const memberships: MembershipChange[] = [];
  const subscriptionIds = new Set<string>();
  const open: OpenMatch[] = [];
  const openEvents: OpenEvent[] = [];
  const deadline = performance.now() + rules.milliseconds;
  let taken = 0;
  let standingChanged = false;
  for (const change of pending) {
    if (standingChanged && !asked.has(change) && standing.needsPrevious(change)) break;
    if (change !== rules.reached && !rules.overtaken.has(change) && standing.awaitsOthers(change)) break;
    for (const groupFingerprint of groupsHearing(change, previous?.get(change), standing, log, open)) {
      events.push({ groupFingerprint, change: change.position });
    }
    if (open.length > 0) {
      for (const match of open.splice(0))
        openEvents.push({ match, index: events.push({ groupFingerprint: match.fingerprint, change: change.position }) - 1 });
    }
    for (const { focus, written, previous: before } of told.get(change) ?? []) {
      const event = change.event!;
      const heard = written ? groupsHearing(focus, before, standing, log, open) : [];
      // What was open of the write was settled with it.
      for (const { fingerprint } of open.splice(0)) heard.push(fingerprint);
      for (const groupFingerprint of groupsTold({ event, focus }, heard, standing, log, open)) {
        events.push({ groupFingerprint, change: focus.position, happenedAt: change.at });
      }
      for (const match of open.splice(0)) {
        const groupFingerprint = match.fingerprint;
        openEvents.push({ match, index: events.push({ groupFingerprint, change: focus.position, happenedAt: change.at }) - 1 });
      }
    }
    taken++;
    if (isStanding(change) && !rules.overtaken.has(change)) {
      if (!standingChanged) rules.beforeChange();
      standingChanged = true;
      for (const step of await inSlices(standing.applying(change), rules.milliseconds))
        memberships.push(step.kind === 'forget' ? step : { ...step, afterEvent: events.length });
    }
    if (change.type === 'Subscription' && standing.answersFor(change.id)) subscriptionIds.add(change.id);
    if (performance.now() > deadline) break;
  }
  const position = pending[taken - 1]?.position;
  if (position === undefined) return undefined;
  for (const { subscriptionId } of memberships) subscriptionIds.add(subscriptionId);
  const settled =
    openEvents.length === 0 ? { events, memberships } : await settleLinks(openEvents, events, memberships, rules.links, log);
  return { batch: { position, ...settled, subscriptionIds: [...subscriptionIds] }, taken, standingChanged };
}

/** Changes that alter what stands. */
export function isStanding({ type }: Change): boolean {
  return (STANDING_TYPES as readonly string[]).includes(type);
}

/** The coded events among the changes: each focus as it was at the place of the event, and before. What is gone by then is left out. */
async function eventsOf(pending: readonly Change[], changes: ChangeLog): Promise<Map<Change, ToldFocus[]>> {
  const told = new Map<Change, ToldFocus[]>();
  const asked = pending.flatMap((change) => (change.event?.focus ?? []).map((focus) => ({ change, focus })));
  if (asked.length === 0) return told;
  const foci = await changes.at(asked.map(({ change, focus: { type, id } }) => ({ type, id, position: change.position })));
  const previous = await changes.previous(foci.filter((focus) => focus !== undefined));
  for (const [index, { change, focus: named }] of asked.entries()) {
    const focus = foci[index];
    if (focus === undefined) continue;
    // Written by the same request, and not left as it was.
    const written = named.written && focus.position.xid === change.position.xid && focus.position.epoch === change.position.epoch;
    told.set(change, [...(told.get(change) ?? []), { focus, written, previous: previous.get(focus) }]);
  }
  return told;
}

function groupsTold(
  subject: EventSubject,
  heard: readonly string[],
  standing: StandingQueries,
  log: Log,
  open: OpenMatch[],
): string[] {
  try {
    return standing.matchEvent(subject, heard, open);
  } catch (err) {
    open.length = 0;
    const { type, id, version } = subject.focus;
    log.error({ err, type, id, version }, 'matching.change-unreadable');
    return [];
  }
}

/** A resource that cannot be read must not stop the log; it matches nothing, never everything. */
function groupsHearing(
  change: Change,
  previous: Change | undefined,
  standing: StandingQueries,
  log: Log,
  open: OpenMatch[],
): string[] {
  try {
    return standing.match(change, previous, open);
  } catch (err) {
    open.length = 0;
    log.error({ err, type: change.type, id: change.id, version: change.version }, 'matching.change-unreadable');
    return [];
  }
}
