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
  /**
   * Rest after a turn in turns of its length: where the hub has no time to spare, while
   * changes keep coming, and while none do. A search that waits ends it.
   */
  restFull: number;
  restBusy: number;
  restQuiet: number;
  /** Resources written until they are sorted in. */
  sortAfter: number;
}

export const FULL_TEXT_SETTINGS: FullTextSettings = {
  batch: 200,
  gatherMilliseconds: 100,
  idleMilliseconds: 1000,
  restFull: 99,
  restBusy: 9,
  restQuiet: 1,
  sortAfter: 1000,
};

const LONGEST_PAUSE = 5000;
const LONGEST_REST = 60_000;
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
  private wantedAt = -Infinity;
  private unsorted = 0;
  private most: number;

  constructor(
    private readonly index: FullTextIndex,
    private readonly wakeUps: WakeUps,
    private readonly log: Log,
    private readonly settings: FullTextSettings = FULL_TEXT_SETTINGS,
    private readonly timeAtWork: () => number = timeAtWorkSince(),
  ) {
    this.most = settings.batch;
  }

  start(): void {
    if (this.running !== undefined) return;
    this.stopping = false;
    const listening = [
      this.wakeUps.on('changes', () => {
        const first = !this.changed;
        this.changed = true;
        if (first) this.endPause?.();
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
    const { gatherMilliseconds, idleMilliseconds, restFull, restBusy, restQuiet, sortAfter } = this.settings;
    const rest = this.timeAtWork() > FULL ? restFull : restBusy;
    this.changed = false;
    const begun = performance.now();
    const advance = await this.advance();
    const took = performance.now() - begun;
    if (advance !== undefined && advance.changes > 0) {
      this.unsorted += advance.resources;
      if (this.unsorted >= sortAfter) await this.sortIn();
      if (this.isWanted) return;
      const turns = this.changed ? rest : restQuiet;
      await this.pause(Math.max(this.changed ? gatherMilliseconds : 0, Math.min(LONGEST_REST, took * turns)));
      return;
    }
    if (this.unsorted > 0) await this.sortIn();
    if (!this.changed) await this.pause(idleMilliseconds);
    if (!this.isWanted) await this.pause(gatherMilliseconds);
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

/** The share of its time, 0 to 1, that this process's one thread was at work since it was last asked. */
function timeAtWorkSince(): () => number {
  let before = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    return utilization;
  };
}

/** What PostgreSQL says of a value (classes 22 and 54), or the reading of a text does: it will not pass by itself. */
function isOfContent(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === 'string'
    ? /^(22|54)/.test(code)
    : error instanceof SyntaxError || error instanceof RangeError || error instanceof TypeError;
}
