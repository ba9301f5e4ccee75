import type { Log } from '../telemetry/log.js';
import { WorkLoop } from '../wake-ups/work-loop.js';
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
  private readonly loop: WorkLoop;

  constructor(
    private readonly parts: WalkParts,
    private readonly takeUp: () => Promise<unknown>,
    /** Name of this process in the leases. */
    private readonly process: string,
    private readonly log: Log,
    private readonly settings: ReindexSettings = REINDEX_SETTINGS,
  ) {
    this.loop = new WorkLoop(
      (stop) => this.work(stop),
      (err) => log.warn({ err }, 'reindex.not-worked'),
      settings.idleMilliseconds,
    );
  }

  start(): void {
    this.loop.start();
  }

  /** What is under way ends behind its page; whoever is next goes on there. */
  stop(): Promise<void> {
    return this.loop.stop();
  }

  /** There is something to walk now. */
  wake(): void {
    this.loop.wake();
  }

  /** Whether there was something to walk. */
  private async work(stop: AbortSignal): Promise<boolean> {
    await this.takeUp();
    const lease = await this.parts.walks.lease(this.process, this.parts.leaseSeconds);
    if (lease === undefined) return false;
    await this.walk(lease, stop);
    return true;
  }

  private async walk(lease: WalkLease, stop: AbortSignal): Promise<void> {
    const { walks } = this.parts;
    const { type, generation } = lease;
    const started = performance.now();
    try {
      const end = await walkType(lease, this.parts, stop);
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
