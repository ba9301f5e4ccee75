import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { type Change, comparePositions, type LogPosition } from '../fhir/change.js';
import type { Log } from '../telemetry/log.js';
import type { ChangeLog } from './change-log.js';
import type { EventLedger, MatchingLease } from './event-ledger.js';
import { inSlices } from './in-slices.js';
import { isStanding, matchSlice, type Slice } from './match-slice.js';
import type { LinkSettlement } from './settle-links.js';
import type { StandingQueries } from './standing-queries.js';

export interface CohortSettings {
  /** Most changes read at once. */
  batchSize: number;
  /** Matching gives the thread to others, and commits, after so much work: requests and deliveries share it. */
  sliceMilliseconds: number;
}

/**
 * What a look at the log came to; `passed`: it moved over all there was, and none of it concerned anybody; `waiting`: the next change is
 * for when the other partitions have come to it.
 */
export type Advance = 'moved' | 'passed' | 'idle' | 'waiting';

/** How matching goes, for whoever counts. */
export interface MatchingObserver {
  matched(slice: { changes: number; events: number; milliseconds: number }): void;
  committed(milliseconds: number): void;
}

/**
 * The partitions of this process that stand at one place of the change log: they share an index, read each change once, and move on
 * together, in one transaction a slice.
 */
export class Cohort {
  /**
   * Places at which `standing` is right while that is not known for sure: none while it is being changed, two while it is unknown whether
   * a commit came through.
   */
  private doubtful: readonly LogPosition[] | undefined;

  constructor(
    private held: readonly MatchingLease[],
    public position: LogPosition,
    readonly standing: StandingQueries,
    private readonly changes: ChangeLog,
    private readonly ledger: EventLedger,
    private readonly log: Log,
    private readonly settings: CohortSettings,
    private readonly observer: MatchingObserver,
    private readonly links: LinkSettlement,
  ) {}

  get leases(): readonly MatchingLease[] {
    return this.held;
  }

  get partitions(): number[] {
    return this.held.map(({ partition }) => partition);
  }

  /** Something failed, and it is open whether it goes on. */
  get isDoubtful(): boolean {
    return this.doubtful !== undefined;
  }

  /** After a failure: whether it can go on where these partitions stand according to the ledger. */
  standsAt(position: LogPosition): boolean {
    const places = this.doubtful ?? [this.position];
    if (!places.some((place) => comparePositions(place, position) === 0)) return false;
    this.position = position;
    this.doubtful = undefined;
    return true;
  }

  /** Goes on without the partitions that are not among `partitions`. */
  async keep(partitions: ReadonlySet<number>): Promise<void> {
    this.held = this.held.filter(({ partition }) => partitions.has(partition));
    await inSlices(this.standing.keep(this.partitions), this.settings.sliceMilliseconds);
  }

  /** Takes over the partitions of another at the same place. */
  async absorb(other: Cohort): Promise<void> {
    this.doubtful = [];
    this.held = [...this.held, ...other.held];
    await inSlices(this.standing.absorb(other.standing), this.settings.sliceMilliseconds);
    this.doubtful = undefined;
  }

  /** Matches what comes next in the log, one reading of it, up to `until` where that is given. `onEvents`: there are new ones. */
  async advance(until: LogPosition | undefined, onEvents: () => void): Promise<Advance> {
    let pending = await this.changes.after(this.position, this.settings.batchSize);
    let outcome: Advance = pending.length < this.settings.batchSize ? 'passed' : 'moved';
    if (until !== undefined) pending = pending.filter(({ position }) => comparePositions(position, until) <= 0);
    if (pending.length === 0) return 'idle';
    const overtaken = await this.learnOf(pending);
    let reached: Change | undefined;
    while (pending.length > 0) {
      const begun = performance.now();
      const slice = await matchSlice(pending, this.standing, this.changes, this.log, {
        milliseconds: this.settings.sliceMilliseconds,
        overtaken,
        reached,
        links: this.links,
        beforeChange: () => (this.doubtful = []),
      });
      if (slice === undefined) {
        reached = pending[0];
        if (reached === undefined || !(await this.othersHaveReached(reached))) return 'waiting';
        continue;
      }
      this.observer.matched({
        changes: slice.taken,
        events: slice.batch.events.length,
        milliseconds: performance.now() - begun,
      });
      await this.commit(slice);
      if (slice.batch.events.length > 0 || slice.batch.subscriptionIds.length > 0) onEvents();
      if (slice.batch.events.length > 0 || slice.standingChanged) outcome = 'moved';
      pending = pending.slice(slice.taken);
      if (pending.length > 0) await yieldToOthers();
    }
    return outcome;
  }

  /** Asks for all that must be known of the Subscriptions among the changes. Returns those that have no effect any more. */
  private async learnOf(pending: readonly Change[]): Promise<ReadonlySet<Change>> {
    this.standing.unlearn();
    const standing = pending.filter(isStanding);
    if (standing.length === 0) return NOTHING;
    const ids = [...new Set(standing.filter(({ type }) => type === 'Subscription').map(({ id }) => id))];
    const [known, overtaken] = await Promise.all([this.ledger.members(ids), this.changes.overtaken(standing)]);
    this.standing.learn(ids, known);
    return overtaken;
  }

  /** Whether all partitions that are not of this cohort have come to the change; then what they know of its subscription is learnt. */
  private async othersHaveReached({ id, position }: Change): Promise<boolean> {
    const ours = new Set(this.partitions);
    const places = await this.ledger.positions();
    if (places.some((place, partition) => !ours.has(partition) && comparePositions(place, position) < 0)) return false;
    this.standing.learn([id], await this.ledger.members([id]));
    return true;
  }

  private async commit({ batch, standingChanged }: Slice): Promise<void> {
    const begun = performance.now();
    // Should the answer be lost: a batch that left what stands alone keeps the index right for its beginning and its end alike.
    this.doubtful = standingChanged ? [batch.position] : [this.position, batch.position];
    this.held = await this.ledger.commit({ leases: this.held, ...batch });
    this.position = batch.position;
    this.doubtful = undefined;
    this.observer.committed(performance.now() - begun);
  }
}

const NOTHING: ReadonlySet<Change> = new Set();
