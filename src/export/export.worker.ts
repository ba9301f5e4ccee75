import type { Log } from '../telemetry/log.js';
import { WorkLoop } from '../wake-ups/work-loop.js';
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
  private readonly loop: WorkLoop;

  constructor(
    private readonly parts: ExportParts,
    /** Name of this process in the leases. */
    private readonly process: string,
    private readonly log: Log,
    private readonly settings: ExportSettings = EXPORT_SETTINGS,
  ) {
    this.loop = new WorkLoop(
      (stop) => this.work(stop),
      (err) => log.warn({ err }, 'export.not-worked'),
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

  /** Whether there was something to do. */
  private async work(stop: AbortSignal): Promise<boolean> {
    const lease = await this.parts.jobs.lease(this.process, this.parts.leaseSeconds);
    if (lease === undefined) return false;
    await this.run(lease, stop);
    return true;
  }

  private async run(lease: ExportLease, stop: AbortSignal): Promise<void> {
    const { jobs, keepHours } = this.parts;
    const started = performance.now();
    try {
      const run = await runExport(lease, this.parts, stop);
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
