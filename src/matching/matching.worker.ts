import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { type Change, comparePositions, type LogPosition } from '../fhir/change.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import type { Log } from '../telemetry/log.js';
import type { WakeUps } from '../wake-ups/wake-ups.js';
import type { ChangeLog } from './change-log.js';
import { type EventLedger, LeaseLost, type MatchedBatch, type MatchingLease, type MembershipChange } from './event-ledger.js';
import { repairMemberships } from './membership-repair.js';
import type { EventSubject } from './match-change.js';
import { StandingQueries, STANDING_TYPES } from './standing-queries.js';

export interface MatchingSettings {
  /** Name of this process in the lease. */
  process: string;
  leaseSeconds: number;
  /** Most changes read at once. */
  batchSize: number;
  /** Matching gives the thread to others, and commits, after so much work: requests and deliveries share it. */
  sliceMilliseconds: number;
}

export const DEFAULT_MATCHING: Omit<MatchingSettings, 'process'> = { leaseSeconds: 4, batchSize: 500, sliceMilliseconds: 8 };

/** A resource that a coded event is about. */
interface ToldFocus {
  focus: Change;
  written: boolean;
  previous: Change | undefined;
}

/** Pauses between looks at a log that has nothing new; a wake-up ends any of them. */
const FIRST_PAUSE = 5;
const LONGEST_PAUSE = 1000;

/**
 * Turns stored changes into numbered events, in the order of the log, exactly once: the process that holds the lease follows the log,
 * matches, and commits events together with its position. Everything it knows beside that can be built again from the log.
 */
export class MatchingWorker {
  private running: Promise<void> | undefined;
  private stopping = false;
  private standing: StandingQueries | undefined;
  /** Places in the log at which `standing` is right: none while it is being changed, two while it is unknown whether a commit came through. */
  private standsAt: readonly LogPosition[] = [];
  private following = false;
  private endPause: (() => void) | undefined;
  private woken = false;

  constructor(
    private readonly changes: ChangeLog,
    private readonly ledger: EventLedger,
    private readonly wakeUps: WakeUps,
    private readonly semantics: SearchSemantics,
    private readonly log: Log,
    private readonly settings: MatchingSettings,
  ) {}

  start(): void {
    if (this.running !== undefined) return;
    this.stopping = false;
    const stopListening = this.wakeUps.on('changes', () => {
      if (this.following) this.wake();
    });
    this.running = this.run().finally(stopListening);
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.wake();
    await this.running;
    this.running = undefined;
  }

  private async run(): Promise<void> {
    let pause = FIRST_PAUSE;
    while (!this.stopping) {
      try {
        const lease = await this.ledger.lease(this.settings.process, this.settings.leaseSeconds);
        if (lease === undefined) {
          this.forget();
          await this.pause(Math.min(LONGEST_PAUSE, this.settings.leaseSeconds * 250));
          continue;
        }
        pause = FIRST_PAUSE;
        await this.matchWhileLeased(lease);
      } catch (err) {
        if (err instanceof LeaseLost) this.forget();
        else this.log.warn({ err }, 'matching.interrupted');
        pause = Math.min(LONGEST_PAUSE, pause * 2);
        await this.pause(pause);
      }
    }
    this.forget();
    await this.ledger.release(this.settings.process).catch((err: unknown) => {
      this.log.warn({ err }, 'matching.release-failed');
    });
  }

  private async matchWhileLeased(lease: MatchingLease): Promise<void> {
    const heart = this.beat(lease.token);
    try {
      const { standing, repairs } = await this.standingAt(lease.position);
      if (repairs.length > 0) {
        this.log.warn({ repairs: repairs.length }, 'matching.memberships-repaired');
        lease = await this.commit(emptyBatch(lease, repairs), false);
      }
      this.following = true;
      await this.follow(lease, standing, () => heart.lost);
    } finally {
      this.following = false;
      clearInterval(heart.timer);
    }
  }

  private async follow(lease: MatchingLease, standing: StandingQueries, lost: () => boolean): Promise<void> {
    let pause = FIRST_PAUSE;
    while (!this.stopping) {
      if (lost()) throw new LeaseLost();
      this.woken = false;
      let pending = await this.changes.after(lease.position, this.settings.batchSize);
      while (pending.length > 0) {
        const slice = await this.matchSlice(pending, standing);
        lease = await this.commit({ lease, ...slice.batch }, slice.standingChanged);
        if (slice.batch.events.length > 0 || slice.batch.subscriptionIds.length > 0) this.wakeUps.send('events');
        pending = pending.slice(slice.taken);
        pause = FIRST_PAUSE;
        if (pending.length > 0) await yieldToOthers();
      }
      // What a wake-up spoke of may still stand above the oldest running writer: the first looks follow quickly.
      if (!this.woken) {
        await this.pause(pause);
        pause = Math.min(LONGEST_PAUSE, pause * 2);
      }
      if (this.woken) pause = FIRST_PAUSE;
    }
  }

  /**
   * Matches from the front of `pending` until time is up, or until a change needs its previous version only because of a Subscription or
   * topic that came before it in the slice: that one is for the next slice, which asks for it.
   */
  private async matchSlice(
    pending: readonly Change[],
    standing: StandingQueries,
  ): Promise<{ batch: Omit<MatchedBatch, 'lease'>; taken: number; standingChanged: boolean }> {
    const asking = pending.filter((change) => standing.needsPrevious(change));
    const previous = asking.length === 0 ? undefined : await this.changes.previous(asking);
    const asked = new Set(asking);
    const told = await this.eventsOf(pending);

    const events: MatchedBatch['events'][number][] = [];
    const memberships: MembershipChange[] = [];
    const subscriptionIds: string[] = [];
    const deadline = performance.now() + this.settings.sliceMilliseconds;
    let taken = 0;
    let standingChanged = false;
    for (const change of pending) {
      if (standingChanged && !asked.has(change) && standing.needsPrevious(change)) break;
      for (const groupFingerprint of this.groupsHearing(change, previous?.get(change), standing)) {
        events.push({ groupFingerprint, change: change.position });
      }
      for (const { focus, written, previous: before } of told.get(change) ?? []) {
        const event = change.event!;
        const heard = written ? this.groupsHearing(focus, before, standing) : [];
        for (const groupFingerprint of this.groupsTold({ event, focus }, heard, standing)) {
          events.push({ groupFingerprint, change: focus.position, happenedAt: change.at });
        }
      }
      if (isStanding(change)) {
        standingChanged = true;
        this.standsAt = [];
      }
      for (const step of standing.apply(change))
        memberships.push(step.kind === 'forget' ? step : { ...step, afterEvent: events.length });
      if (change.type === 'Subscription') subscriptionIds.push(change.id);
      taken++;
      if (performance.now() > deadline) break;
    }
    const position = pending[taken - 1]?.position;
    if (position === undefined) throw new Error('A slice has at least one change');
    return { batch: { position, events, memberships, subscriptionIds: [...new Set(subscriptionIds)] }, taken, standingChanged };
  }

  /** The coded events among the changes: each focus as it was at the place of the event, and before. What is gone by then is left out. */
  private async eventsOf(pending: readonly Change[]): Promise<Map<Change, ToldFocus[]>> {
    const told = new Map<Change, ToldFocus[]>();
    const asked = pending.flatMap((change) => (change.event?.focus ?? []).map((focus) => ({ change, focus })));
    if (asked.length === 0) return told;
    const foci = await this.changes.at(asked.map(({ change, focus: { type, id } }) => ({ type, id, position: change.position })));
    const previous = await this.changes.previous(foci.filter((focus) => focus !== undefined));
    for (const [index, { change, focus: named }] of asked.entries()) {
      const focus = foci[index];
      if (focus === undefined) continue;
      // Written by the same request, and not left as it was.
      const written =
        named.written && focus.position.xid === change.position.xid && focus.position.epoch === change.position.epoch;
      told.set(change, [...(told.get(change) ?? []), { focus, written, previous: previous.get(focus) }]);
    }
    return told;
  }

  private groupsTold(subject: EventSubject, heard: readonly string[], standing: StandingQueries): string[] {
    try {
      return standing.matchEvent(subject, heard);
    } catch (err) {
      const { type, id, version } = subject.focus;
      this.log.error({ err, type, id, version }, 'matching.change-unreadable');
      return [];
    }
  }

  /** A resource that cannot be read must not stop the log; it matches nothing, never everything. */
  private groupsHearing(change: Change, previous: Change | undefined, standing: StandingQueries): string[] {
    try {
      return standing.match(change, previous);
    } catch (err) {
      this.log.error({ err, type: change.type, id: change.id, version: change.version }, 'matching.change-unreadable');
      return [];
    }
  }

  private async commit(batch: MatchedBatch, standingChanged: boolean): Promise<MatchingLease> {
    // Should the answer be lost: a batch that left what stands alone keeps the index right for its beginning and its end alike.
    this.standsAt = standingChanged ? [batch.position] : [batch.lease.position, batch.position];
    const lease = await this.ledger.commit(batch);
    this.standsAt = [lease.position];
    return lease;
  }

  private async standingAt(position: LogPosition): Promise<{ standing: StandingQueries; repairs: MembershipChange[] }> {
    if (this.standing !== undefined && this.standsAt.some((place) => comparePositions(place, position) === 0))
      return { standing: this.standing, repairs: [] };
    this.forget();
    const begun = performance.now();
    const standing = new StandingQueries(this.semantics, this.log);
    // Topics first: a Subscription is filed by what its topic says.
    for (const type of STANDING_TYPES) {
      for await (const changes of this.changes.snapshot([type], position)) {
        for (const change of changes) standing.apply(change);
        await yieldToOthers();
        if (this.stopping) break;
      }
    }
    const repairs = await repairMemberships(this.ledger.memberships(), standing);
    this.standing = standing;
    this.standsAt = [position];
    const { subscriptions, groups, residual } = standing.counters;
    this.log.info({ subscriptions, groups, residual, ms: Math.round(performance.now() - begun) }, 'matching.index-built');
    return { standing, repairs };
  }

  private forget(): void {
    this.standing = undefined;
    this.standsAt = [];
  }

  /** Renews the lease while nothing is committed: when idle, and while the index is built. */
  private beat(token: string): { timer: NodeJS.Timeout; lost: boolean } {
    const heart = { timer: setInterval(() => void renew(), (this.settings.leaseSeconds * 1000) / 4), lost: false };
    const renew = async () => {
      try {
        const lease = await this.ledger.lease(this.settings.process, this.settings.leaseSeconds);
        if (lease?.token !== token) heart.lost = true;
      } catch {
        // The database is away: whoever commits or reads next will notice, too.
      }
      if (heart.lost) this.wake();
    };
    return heart;
  }

  private wake(): void {
    this.woken = true;
    this.endPause?.();
  }

  private async pause(milliseconds: number): Promise<void> {
    if (this.stopping) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.endPause = undefined;
  }
}

function isStanding({ type }: Change): boolean {
  return (STANDING_TYPES as readonly string[]).includes(type);
}

function emptyBatch(lease: MatchingLease, memberships: MembershipChange[]): MatchedBatch {
  return {
    lease,
    position: lease.position,
    events: [],
    memberships,
    subscriptionIds: [...new Set(memberships.map(({ subscriptionId }) => subscriptionId))],
  };
}
