import type { Log } from '../telemetry/log.js';
import type { WakeUps } from '../wake-ups/wake-ups.js';
import type { Advance, FullTextIndex } from './full-text-index.js';

export interface FullTextSettings {
  /** Most changes in a turn. */
  batch: number;
  /** Changes are let gather for so long. */
  gatherMilliseconds: number;
  /** How often it is looked for work that nobody told us of. */
  idleMilliseconds: number;
  /** Rests after a turn, in turns of its length. A search that waits ends them. */
  rests: {
    /** While searches make up for what is missing: where the hub has no time to spare, while changes keep coming, and while none do. */
    full: number;
    busy: number;
    quiet: number;
    /** While they do not, where the hub has no time to spare: until `patienceMilliseconds` are over, and then. */
    far: number;
    overdue: number;
    patienceMilliseconds: number;
  };
  /** Resources written until they are sorted in. */
  sortAfter: number;
}

export const FULL_TEXT_SETTINGS: FullTextSettings = {
  batch: 200,
  gatherMilliseconds: 100,
  idleMilliseconds: 1000,
  rests: { full: 99, busy: 9, quiet: 1, far: 9, overdue: 3, patienceMilliseconds: 60_000 },
  sortAfter: 1000,
};

const LONGEST_PAUSE = 5000;
const LONGEST_REST = 60_000;
/** How often a rest is reckoned anew: whoever was busy may not be any more. */
const LOOK_MILLISECONDS = 1000;
const LEAST_MEASURED_MILLISECONDS = 500;
const WANTED_MILLISECONDS = 500;
/** The share of its time that the hub is at work from which on it has none to spare. */
const FULL = 0.7;

/**
 * Follows the change log with the full-text index, at a leisurely pace: writes come first, and a search knows what is not indexed. Of several
 * processes one is at it at a time; whoever dies leaves a finished turn behind.
 */
export class FullTextWorker {
  private running: Promise<void> | undefined;
  private stopping = false;
  private endPause: (() => void) | undefined;
  private changed = true;
  private isIdle = false;
  /** Since when searches have not made up for what is missing. */
  private farSince: number | undefined;
  private wantedAt = -Infinity;
  private unsorted = 0;
  private most: number;

  constructor(
    private readonly index: FullTextIndex,
    private readonly wakeUps: WakeUps,
    private readonly log: Log,
    private readonly settings: FullTextSettings = FULL_TEXT_SETTINGS,
    private readonly timeAtWork: () => number = timeAtWorkOfLate(),
  ) {
    this.most = settings.batch;
  }

  start(): void {
    if (this.running !== undefined) return;
    this.stopping = false;
    const listening = [
      this.wakeUps.on('changes', () => {
        this.changed = true;
        if (this.isIdle) this.endPause?.();
      }),
      this.wakeUps.on('full-text', () => {
        this.wantedAt = performance.now();
        this.endPause?.();
      }),
    ];
    this.running = this.run().finally(() => listening.forEach((stop) => stop()));
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.endPause?.();
    await this.running;
    this.running = undefined;
  }

  private async run(): Promise<void> {
    let failures = 0;
    while (!this.stopping) {
      try {
        await this.turn();
        failures = 0;
      } catch (err) {
        this.log.warn({ err, changes: this.most }, 'full-text.not-indexed');
        // What fails by itself is found out by taking less, down to a single change.
        this.most = Math.max(1, Math.floor(this.most / 2));
        failures += 1;
        await this.pause(Math.min(LONGEST_PAUSE, 50 * 2 ** failures));
      }
    }
  }

  private async turn(): Promise<void> {
    const { gatherMilliseconds, idleMilliseconds, sortAfter } = this.settings;
    this.changed = false;
    const begun = performance.now();
    const advance = await this.advance();
    const ended = performance.now();
    if (advance !== undefined && advance.changes > 0) {
      this.farSince = advance.isFar ? (this.farSince ?? ended) : undefined;
      this.unsorted += advance.resources;
      if (this.unsorted >= sortAfter) await this.sortIn();
      if (this.changed && !this.isWanted && !advance.isFar) await this.pause(gatherMilliseconds);
      await this.rest(ended, ended - begun);
      return;
    }
    this.farSince = undefined;
    if (this.unsorted > 0) await this.sortIn();
    this.isIdle = true;
    if (!this.changed) await this.pause(idleMilliseconds);
    this.isIdle = false;
    if (!this.isWanted) await this.pause(gatherMilliseconds);
  }

  /** After a turn that took so long, from its end: as long as things are as they are, looked at again and again. */
  private async rest(from: number, took: number): Promise<void> {
    let changed = this.changed;
    while (!this.stopping && !this.isWanted) {
      const left = Math.min(LONGEST_REST, took * this.turnsToRest(changed)) - (performance.now() - from);
      if (left <= 0) return;
      this.changed = false;
      await this.pause(Math.min(left, LOOK_MILLISECONDS));
      changed = this.changed;
    }
  }

  private turnsToRest(changed: boolean): number {
    const { full, busy, quiet, far, overdue, patienceMilliseconds } = this.settings.rests;
    const isFull = this.timeAtWork() > FULL;
    if (!changed && !isFull) return quiet;
    if (this.farSince === undefined) return isFull ? full : busy;
    if (!isFull) return quiet;
    return performance.now() - this.farSince < patienceMilliseconds ? far : overdue;
  }

  /** A single change that cannot be indexed is passed over, for searches to look at. */
  private async advance(): Promise<Advance | undefined> {
    try {
      const advance = await this.index.advance(this.most);
      this.most = Math.min(this.settings.batch, this.most * 2);
      return advance;
    } catch (err) {
      if (this.most > 1 || !isOfContent(err)) throw err;
      this.log.error({ err }, 'full-text.passed-over');
      return this.index.advance(1, true);
    }
  }

  /** Whoever waits says so again and again. */
  private get isWanted(): boolean {
    return performance.now() - this.wantedAt < WANTED_MILLISECONDS;
  }

  private async sortIn(): Promise<void> {
    this.unsorted = 0;
    await this.index.sortIn();
  }

  /** Ended by {@link endPause}; none while stopping. */
  private pause(milliseconds: number): Promise<void> {
    if (this.stopping) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.endPause = undefined;
        resolve();
      };
      const timer = setTimeout(end, milliseconds);
      this.endPause = end;
    });
  }
}

/** The share of its time, 0 to 1, that this process's one thread was at work of late. A moment says little: within a turn it is always at work. */
function timeAtWorkOfLate(): () => number {
  let before = performance.eventLoopUtilization();
  let measuredAt = performance.now();
  let share = 0;
  return () => {
    if (performance.now() - measuredAt < LEAST_MEASURED_MILLISECONDS) return share;
    const now = performance.eventLoopUtilization();
    share = performance.eventLoopUtilization(now, before).utilization;
    before = now;
    measuredAt = performance.now();
    return share;
  };
}

/** What PostgreSQL says of a value (classes 22 and 54), or the reading of a text does: it will not pass by itself. */
function isOfContent(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === 'string'
    ? /^(22|54)/.test(code)
    : error instanceof SyntaxError || error instanceof RangeError || error instanceof TypeError;
}
