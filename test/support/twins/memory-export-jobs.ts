import { randomUUID } from 'node:crypto';
import {
  type ExportFileState,
  type ExportJob,
  ExportJobs,
  type ExportLease,
  type ExportPlace,
  type NewExport,
} from '../../../src/export/export-jobs.js';

interface Kept {
  job: ExportJob;
  token?: string;
  leaseEnds: number;
  nextTry: number;
}

const HOUR = 3_600_000;

/** Export jobs in memory. A new one is due at once: nothing else writes here. */
export class MemoryExportJobs extends ExportJobs {
  private readonly kept = new Map<string, Kept>();

  constructor(private readonly now: () => number = Date.now) {
    super();
  }

  async add({ id, definition, request, transactionTime }: NewExport, most: number): Promise<boolean> {
    if ([...this.kept.values()].filter(({ job }) => job.state === 'open').length >= most) return false;
    const job: ExportJob = {
      ...{ id, definition, request, transactionTime, askedAt: new Date(this.now()), state: 'open', failures: 0 },
      place: { walk: 0, id: '' },
      files: [],
    };
    this.kept.set(id, { job, leaseEnds: -Infinity, nextTry: -Infinity });
    return true;
  }

  async find(id: string): Promise<ExportJob | undefined> {
    return this.unexpired(id)?.job;
  }

  async remove(id: string): Promise<boolean> {
    return this.unexpired(id) !== undefined && this.kept.delete(id);
  }

  async lease(_process: string, seconds: number): Promise<ExportLease | undefined> {
    const now = this.now();
    for (const kept of this.kept.values()) {
      if (kept.job.state !== 'open' || kept.nextTry > now || kept.leaseEnds > now) continue;
      kept.token = randomUUID();
      kept.leaseEnds = now + seconds * 1000;
      return { job: kept.job, token: kept.token };
    }
    return undefined;
  }

  begin(lease: ExportLease, folder: string): Promise<boolean> {
    return this.change(lease, { folder, place: { walk: 0, id: '' }, files: [] });
  }

  async advance(lease: ExportLease, place: ExportPlace, files: readonly ExportFileState[], seconds: number): Promise<boolean> {
    const sorted = [...files].sort((a, b) => (a.name < b.name ? -1 : 1));
    const done = await this.change(lease, { place, files: sorted, failures: 0, reason: undefined });
    if (done) this.kept.get(lease.job.id)!.leaseEnds = this.now() + seconds * 1000;
    return done;
  }

  finish(lease: ExportLease, keepHours: number): Promise<boolean> {
    return this.change(lease, { state: 'done', expires: new Date(this.now() + keepHours * HOUR) });
  }

  async release(lease: ExportLease): Promise<void> {
    if (await this.change(lease, {})) this.kept.get(lease.job.id)!.leaseEnds = -Infinity;
  }

  async fail(
    lease: ExportLease,
    { reason, waitSeconds, final }: { reason: string; waitSeconds: number; final?: { keepHours: number } },
  ): Promise<void> {
    const ended = final && { state: 'failed' as const, expires: new Date(this.now() + final.keepHours * HOUR) };
    const failures = (this.kept.get(lease.job.id)?.job.failures ?? 0) + 1;
    if (!(await this.change(lease, { failures, reason, ...ended }))) return;
    const kept = this.kept.get(lease.job.id)!;
    kept.nextTry = this.now() + waitSeconds * 1000;
    kept.leaseEnds = -Infinity;
    delete kept.token;
  }

  async expire(): Promise<number> {
    const gone = [...this.kept.keys()].filter((id) => this.unexpired(id) === undefined);
    for (const id of gone) this.kept.delete(id);
    return gone.length;
  }

  async known(ids: readonly string[]): Promise<string[]> {
    return ids.filter((id) => this.kept.has(id));
  }

  private unexpired(id: string): Kept | undefined {
    const kept = this.kept.get(id);
    return kept?.job.expires !== undefined && kept.job.expires.getTime() <= this.now() ? undefined : kept;
  }

  private async change({ job, token }: ExportLease, changes: Partial<ExportJob>): Promise<boolean> {
    const kept = this.kept.get(job.id);
    if (kept === undefined || kept.token !== token || kept.job.state !== 'open') return false;
    kept.job = { ...kept.job, ...changes };
    if (kept.job.reason === undefined) delete (kept.job as { reason?: string }).reason;
    return true;
  }
}
