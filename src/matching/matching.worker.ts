import { setTimeout as rest } from 'node:timers/promises';
import { comparePositions, type LogPosition } from '../fhir/change.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import type { Log } from '../telemetry/log.js';
import type { WakeUps } from '../wake-ups/wake-ups.js';
import { buildStanding } from './build-standing.js';
import type { ChangeLog } from './change-log.js';
import { type Advance, Cohort, type CohortSettings, type MatchingObserver } from './cohort.js';
import { type EventLedger, LeaseLost, type MatchingLease, type MatchingShare } from './event-ledger.js';
import { Gates } from './gates.js';
import { PARTITIONS } from './partitions.js';
import { LONGEST_PAUSE, Pauses, WANTING_PAUSE } from './pauses.js';
import { type LinkSettlement, NO_LINKS } from './settle-links.js';
import { StandingQueries } from './standing-queries.js';

export interface MatchingSettings extends CohortSettings {
  /** Name of this process in the leases. */
  process: string;
  leaseSeconds: number;
}

/** A frozen process is replaced when its lease has run out and another has looked, four times a lease: within 5 s. */
export const DEFAULT_MATCHING: Omit<MatchingSettings, 'process'> = { leaseSeconds: 3.6, batchSize: 500, sliceMilliseconds: 8 };

/**
 * After changes that concerned nobody: what comes meanwhile is passed in one go, whereas each look on its own costs two statements, as much
 * again as storing a few resources. What concerns somebody waits no longer than this.
 */
const PASSING_PAUSE = 4;
/** A cohort that is behind reads so often while those ahead of it read once. */
const READINGS_OF_THE_LAST = 4;

const NO_OBSERVER: MatchingObserver = { matched: () => undefined, committed: () => undefined };

/** Partitions whose index is being built. */
interface Building {
  leases: readonly MatchingLease[];
  cancelled: boolean;
  ended: Promise<void>;
}

/**
 * Turns stored changes into numbered events, in the order of the log, exactly once. All filter groups fall in partitions, which the
 * processes share: whoever holds some follows the log for them, matches, and commits events together with their place. What is taken
 * over stands elsewhere in the log and goes its own way until it has caught up. Everything known beside that can be built again.
 */
export class MatchingWorker {
  private running: Promise<void> | undefined;
  private stopping = false;
  private cohorts: Cohort[] = [];
  private readonly building = new Set<Building>();
  private readonly gates = new Gates();
  /** The newest answer on what this process holds, until it has been acted on. */
  private share: MatchingShare | undefined;
  private looking: Promise<unknown> = Promise.resolve();
  private lookedAt = 0;
  private wanting = true;
  private readonly pauses = new Pauses();
  private endPause: (() => void) | undefined;
  private woken = false;

  constructor(
    private readonly changes: ChangeLog,
    private readonly ledger: EventLedger,
    private readonly wakeUps: WakeUps,
    private readonly semantics: SearchSemantics,
    private readonly log: Log,
    private readonly settings: MatchingSettings,
    private readonly observer: MatchingObserver = NO_OBSERVER,
    private readonly links: LinkSettlement = NO_LINKS,
  ) {}

  /** What stands in this process, by how it is found; undefined while it matches nothing. */
  get counters(): StandingQueries['counters'] | undefined {
    const [first, ...others] = this.cohorts.map(({ standing }) => standing.counters);
    if (first === undefined) return undefined;
    const sum = { ...first };
    for (const other of others) {
      for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += other[name];
    }
    return sum;
  }

  start(): void {
    if (this.running !== undefined) return;
    this.stopping = false;
    const stopListening = this.wakeUps.on('changes', () => {
      if (this.cohorts.length > 0) this.wake();
    });
    // What fails here, fails again where it is acted on.
    const beat = () =>
      this.look().then(
        () => this.endPause?.(),
        () => undefined,
      );
    const heart = setInterval(() => void beat(), Math.min(LONGEST_PAUSE, this.settings.leaseSeconds * 250));
    this.running = this.run().finally(() => {
      clearInterval(heart);
      stopListening();
    });
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.wake();
    await this.running;
    this.running = undefined;
  }

  private async run(): Promise<void> {
    let settled = false;
    this.pauses.reset();
    while (!this.stopping) {
      try {
        this.woken = false;
        if (!settled || this.isToLook) await this.look();
        settled = true;
        if (this.share !== undefined) await this.arrange(this.share);
        await this.restAfter(await this.turn());
      } catch (err) {
        if (!(err instanceof LeaseLost)) this.log.warn({ err }, 'matching.interrupted');
        settled = false;
        await this.pause(this.pauses.afterFailure());
      }
    }
    await this.letGo();
  }

  private async restAfter(outcome: Advance): Promise<void> {
    if (outcome === 'passed') await rest(PASSING_PAUSE);
    else if (outcome !== 'moved' && !this.woken) await this.pause(this.pauses.afterLook(outcome, this.wanting));
    if (outcome === 'moved' || outcome === 'passed' || this.woken) this.pauses.reset();
  }

  /** Ends what is under way, and leaves its partitions to others. */
  private async letGo(): Promise<void> {
    const ended = [...this.building].map((one) => one.ended);
    for (const one of this.building) this.cancel(one);
    this.cohorts = [];
    await Promise.all(ended);
    await this.looking.catch(() => undefined);
    await this.ledger.release(this.settings.process).catch((err: unknown) => {
      this.log.warn({ err }, 'matching.release-failed');
    });
  }

  private get isToLook(): boolean {
    return this.wanting && performance.now() - this.lookedAt >= WANTING_PAUSE;
  }

  /** Renews what is held, and takes what is free. One at a time, so that the newest answer is the last to come. */
  private look(): Promise<void> {
    const look = async () => {
      if (this.stopping) return;
      this.share = await this.ledger.lease(this.settings.process, this.settings.leaseSeconds);
      this.lookedAt = performance.now();
    };
    const looked = this.looking.then(look, look);
    this.looking = looked;
    return looked;
  }

  /** Makes cohorts agree with what this process holds: drops what was lost, builds what is new, gives back what is more than its share. */
  private async arrange(share: MatchingShare): Promise<void> {
    this.share = undefined;
    const held = new Map(share.held.map((lease) => [lease.partition, lease]));
    const isHeld = ({ partition, token }: MatchingLease) => held.get(partition)?.token === token;

    for (const one of this.building) if (!one.leases.every(isHeld)) this.cancel(one);
    for (const cohort of [...this.cohorts]) {
      const kept = cohort.leases.filter(isHeld);
      const places = kept.map(({ partition }) => held.get(partition)!.position);
      if (kept.length === 0 || !this.goesOn(cohort, places)) this.cohorts.splice(this.cohorts.indexOf(cohort), 1);
      else if (kept.length < cohort.leases.length) await cohort.keep(new Set(kept.map(({ partition }) => partition)));
    }
    const known = new Set([...this.cohorts, ...this.building].flatMap(({ leases }) => leases.map(({ partition }) => partition)));
    const fresh = share.held.filter(({ partition }) => !known.has(partition));
    for (const leases of Map.groupBy(fresh, ({ position }) => placeOf(position)).values()) this.build(leases);
    await this.giveBack(share);
  }

  /** A cohort that failed goes on where the ledger says its partitions stand, if its index is right for that place. */
  private goesOn(cohort: Cohort, places: readonly LogPosition[]): boolean {
    if (!cohort.isDoubtful) return true;
    const [first] = places;
    return first !== undefined && places.every((place) => comparePositions(place, first) === 0) && cohort.standsAt(first);
  }

  private async giveBack({ held, processes }: MatchingShare): Promise<void> {
    this.wanting = held.length < Math.floor(PARTITIONS / processes);
    const most = Math.ceil(PARTITIONS / processes);
    if (held.length <= most) return;
    const given = held.slice(most).map(({ partition }) => partition);
    for (const one of this.building) if (one.leases.some(({ partition }) => given.includes(partition))) this.cancel(one);
    for (const cohort of [...this.cohorts]) {
      const kept = new Set(cohort.partitions.filter((partition) => !given.includes(partition)));
      if (kept.size === 0) this.cohorts.splice(this.cohorts.indexOf(cohort), 1);
      else if (kept.size < cohort.partitions.length) await cohort.keep(kept);
    }
    this.looking = this.looking.then(async () => {
      await this.ledger.release(this.settings.process, given);
      // An answer from before it knows nothing of it.
      this.share = undefined;
    });
    await this.looking;
    this.log.info({ released: given.length, held: most }, 'matching.partitions-released');
  }

  private cancel(one: Building): void {
    one.cancelled = true;
    this.building.delete(one);
  }

  /** Builds an index while those there are go on; what is written meanwhile is matched afterwards. */
  private build(leases: readonly MatchingLease[]): void {
    const [first] = leases;
    if (first === undefined) return;
    const one: Building = { leases, cancelled: false, ended: Promise.resolve() };
    this.building.add(one);
    const begun = performance.now();
    const partitions = leases.map(({ partition }) => partition);
    const standing = new StandingQueries(this.semantics, this.log, partitions, this.gates);
    const stopped = () => one.cancelled;
    const { position } = first;
    const { changes, ledger, log, settings, observer, links } = this;
    one.ended = buildStanding(standing, partitions, position, { changes, ledger }, settings.sliceMilliseconds, stopped).then(
      () => {
        if (one.cancelled) return;
        this.building.delete(one);
        this.cohorts.push(new Cohort(leases, position, standing, changes, ledger, log, settings, observer, links));
        const { subscriptions, groups, residual } = standing.counters;
        const ms = Math.round(performance.now() - begun);
        this.log.info({ partitions: partitions.length, subscriptions, groups, residual, ms }, 'matching.index-built');
        this.wake();
      },
      (err: unknown) => {
        if (!one.cancelled) this.log.warn({ err }, 'matching.index-not-built');
        this.cancel(one);
      },
    );
  }

  /** Every cohort reads the log, the last ones oftener, until those at the same place are one. */
  private async turn(): Promise<Advance> {
    await this.merge();
    const outcomes = new Set<Advance>();
    const inOrder = [...this.cohorts];
    for (const [index, cohort] of inOrder.entries()) {
      const ahead = inOrder[index + 1];
      for (let readings = ahead === undefined ? 1 : READINGS_OF_THE_LAST; readings > 0; readings--) {
        if (this.stopping) return 'idle';
        const outcome = await cohort.advance(ahead?.position, () => this.wakeUps.send('events'));
        outcomes.add(outcome);
        // Before the one ahead moves on.
        if (ahead !== undefined && comparePositions(cohort.position, ahead.position) === 0) return 'moved';
        if (outcome !== 'moved' && outcome !== 'passed') break;
      }
    }
    if (outcomes.has('moved')) return 'moved';
    // Who has another to come up with does not rest.
    if (outcomes.has('passed')) return inOrder.length > 1 ? 'moved' : 'passed';
    return outcomes.has('waiting') ? 'waiting' : 'idle';
  }

  /** The larger of two at the same place takes over the smaller. */
  private async merge(): Promise<void> {
    this.cohorts.sort((a, b) => comparePositions(a.position, b.position));
    for (let index = 0; index + 1 < this.cohorts.length;) {
      const [a, b] = this.cohorts.slice(index, index + 2) as [Cohort, Cohort];
      if (comparePositions(a.position, b.position) !== 0) index++;
      else {
        const [larger, smaller] = a.standing.counters.groups < b.standing.counters.groups ? [b, a] : [a, b];
        await larger.absorb(smaller);
        this.cohorts.splice(index, 2, larger);
      }
    }
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

function placeOf({ epoch, xid, seq }: LogPosition): string {
  return `${epoch} ${xid} ${seq}`;
}
