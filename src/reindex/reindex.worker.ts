import type { Log } from '../telemetry/log.js';
import { type WalkParts, walkType } from './walk-type.js';
import type { WalkLease } from './walks.js';

export interface ReindexSettings {
  /** How often it is looked for work that nobody told us of. */
  idleMilliseconds: number;
  /** Pause after a walk that failed, for each failure in a row. */
  waitSeconds: number;
  longestWaitSeconds: number;
}

export const REINDEX_SETTINGS: ReindexSettings = { idleMilliseconds: 2_000, waitSeconds: 2, longestWaitSeconds: 60 };

/**
 * Takes up SearchParameters that were stored without anybody hearing of it, and walks what is not indexed by them yet: one type at a time in
 * each process.
 */
export class ReindexWorker {
  private stopping = new AbortController();
  private running: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** Woken while it was at work. */
  private awake = false;

  constructor(
    private readonly parts: WalkParts,
    private readonly takeUp: () => Promise<unknown>,
    /** Name of this process in the leases. */
    private readonly process: string,
    private readonly log: Log,
    private readonly settings: ReindexSettings = REINDEX_SETTINGS,
  ) {}

  start(): void {
    if (this.running !== undefined || this.timer !== undefined) return;
    this.stopping = new AbortController();
    this.plan(0);
  }

  /** What is under way ends behind its page; whoever is next goes on there. */
  async stop(): Promise<void> {
    this.stopping.abort();
    clearTimeout(this.timer);
    this.timer = undefined;
    await this.running;
  }

  /** There is something to walk now. */
  wake(): void {
    this.awake = true;
    if (this.timer === undefined) return;
    clearTimeout(this.timer);
    this.plan(0);
  }

  private plan(milliseconds: number): void {
    if (this.stopping.signal.aborted) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.awake = false;
      this.running = this.work().then((worked) => {
        this.running = undefined;
        this.plan(worked || this.awake ? 0 : this.settings.idleMilliseconds);
      });
    }, milliseconds);
  }

  /** Whether there was something to walk; never throws. */
  private async work(): Promise<boolean> {
    try {
      await this.takeUp();
      const lease = await this.parts.walks.lease(this.process, this.parts.leaseSeconds);
      if (lease === undefined) return false;
      await this.walk(lease);
      return true;
    } catch (error) {
      this.log.warn({ err: error }, 'reindex.not-worked');
      return false;
    }
  }

  private async walk(lease: WalkLease): Promise<void> {
    const { walks } = this.parts;
    const { type, generation } = lease;
    const started = performance.now();
    try {
      const end = await walkType(lease, this.parts, this.stopping.signal);
      if (end.kind === 'stopped') await walks.release(lease);
      this.log.info({ type, generation, ...end, ms: Math.round(performance.now() - started) }, 'reindex.walked');
    } catch (error) {
      const { waitSeconds, longestWaitSeconds } = this.settings;
      this.log.warn({ type, generation, err: error, failures: lease.failures + 1 }, 'reindex.failed');
      const wait = Math.min(longestWaitSeconds, waitSeconds * (lease.failures + 1));
      await walks.fail(lease, "it could not be gone on with; the hub's log says why", wait);
    }
  }
}
