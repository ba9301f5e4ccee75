import type { Log } from '../telemetry/log.js';
import type { ExportLease } from './export-jobs.js';
import { type ExportParts, runExport } from './run-export.js';

export interface ExportSettings {
  /** How often it is looked for work that nobody told us of. */
  idleMilliseconds: number;
  /** Tries before a job counts as failed. */
  tries: number;
  /** Pause after a try that failed. */
  waitSeconds: number;
}

export const EXPORT_SETTINGS: ExportSettings = { idleMilliseconds: 1_000, tries: 5, waitSeconds: 5 };

/** Works on exports, one at a time in each process; of several processes the one that leases a job. */
export class ExportWorker {
  private stopping = new AbortController();
  private running: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly parts: ExportParts,
    /** Name of this process in the leases. */
    private readonly process: string,
    private readonly log: Log,
    private readonly settings: ExportSettings = EXPORT_SETTINGS,
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

  private plan(milliseconds: number): void {
    if (this.stopping.signal.aborted) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.running = this.work().then((worked) => {
        this.running = undefined;
        this.plan(worked ? 0 : this.settings.idleMilliseconds);
      });
    }, milliseconds);
  }

  /** Whether there was something to do; never throws. */
  private async work(): Promise<boolean> {
    try {
      const lease = await this.parts.jobs.lease(this.process, this.parts.leaseSeconds);
      if (lease === undefined) return false;
      await this.run(lease);
      return true;
    } catch (error) {
      this.log.warn({ err: error }, 'export.not-worked');
      return false;
    }
  }

  private async run(lease: ExportLease): Promise<void> {
    const { jobs, keepHours } = this.parts;
    const started = performance.now();
    try {
      const run = await runExport(lease, this.parts, this.stopping.signal);
      if (run.kind === 'stopped') await jobs.release(lease);
      this.log.info({ export: lease.job.id, ...run, ms: Math.round(performance.now() - started) }, 'export.worked');
    } catch (error) {
      const { tries, waitSeconds } = this.settings;
      const isLast = lease.job.failures + 1 >= tries;
      this.log.warn({ export: lease.job.id, err: error, failures: lease.job.failures + 1 }, 'export.failed');
      const reason = reasonOf(error);
      await jobs.fail(lease, { reason, waitSeconds, ...(isLast ? { final: { keepHours } } : {}) });
    }
  }
}

/** What a client may know of it: no paths, no content. */
function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'there is no room left for its files';
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return 'its files cannot be written';
  return "it could not be carried out; the hub's log says why";
}
