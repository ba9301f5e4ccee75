import { randomUUID } from 'node:crypto';
import { FhirError } from '../fhir/fhir-error.js';
import type { Face } from '../fhir/change.js';
import type { ExportDefinition, ExportLevel } from './export-definition.js';
import { type ExportFolder, isJobId } from './export-folder.js';
import type { ExportFileState, ExportJob, ExportJobs } from './export-jobs.js';
import type { ExportSource } from './export-source.js';

/** What clients do with exports: begin one, look at it, end it, read its files. */
export class Exports {
  constructor(
    private readonly jobs: ExportJobs,
    private readonly source: ExportSource,
    private readonly folder: ExportFolder,
    /** Most that are under way at a time. */
    private readonly most: number,
    private readonly now: () => number = Date.now,
  ) {}

  /** @throws FhirError 404 or 410 for a Group that is not there */
  async checkLevel(level: ExportLevel): Promise<void> {
    if (level.kind !== 'group') return;
    const group = await this.source.bodyAt('Group', level.id, new Date(this.now() + 1));
    if (group === undefined) throw new FhirError('not-found', `There is no Group/${level.id.slice(0, 64)}`);
    if (group === null) throw new FhirError('deleted', `Group/${level.id} was deleted`);
  }

  /** @throws FhirError 429 where enough are under way */
  async begin(definition: ExportDefinition, request: string): Promise<string> {
    const id = randomUUID();
    // The next millisecond: what was stored in this one is to be in it.
    const transactionTime = new Date(this.now() + 1);
    if (await this.jobs.add({ id, definition, request, transactionTime }, this.most)) return id;
    throw new FhirError('throttled', `There are ${String(this.most)} exports under way; try again when one is done`, undefined, {
      headers: { 'Retry-After': '10' },
    });
  }

  /** @throws FhirError 404 */
  async find(face: Face, id: string): Promise<ExportJob> {
    const job = isJobId(id) ? await this.jobs.find(id) : undefined;
    if (job?.definition.face !== face) throw noSuchExport();
    return job;
  }

  /** @throws FhirError 404 */
  async end(face: Face, id: string): Promise<void> {
    const job = await this.find(face, id);
    if (!(await this.jobs.remove(job.id))) throw noSuchExport();
    if (await this.isHere(job)) await this.folder.remove(job.id);
  }

  /**
   * Where a file of a finished job lies, and how much of it counts.
   * @throws FhirError 404; 503 where it lies in the folder of another process
   */
  async file(id: string, name: string): Promise<{ job: ExportJob; file: ExportFileState; folder: string }> {
    const job = isJobId(id) ? await this.jobs.find(id) : undefined;
    const file = job?.state === 'done' ? job.files.find((one) => one.name === name && one.lines > 0) : undefined;
    if (job === undefined || file === undefined) throw new FhirError('not-found', 'There is no such file of an export');
    if (!(await this.isHere(job)))
      throw new FhirError(
        'transient',
        'This file lies with another process of the hub, which does not share the folder of exports (EXPORT_DIR)',
        undefined,
        { headers: { 'Retry-After': '10' } },
      );
    return { job, file, folder: this.folder.of(job.id) };
  }

  private async isHere(job: ExportJob): Promise<boolean> {
    return job.folder !== undefined && job.folder === (await this.folder.id());
  }
}

function noSuchExport(): FhirError {
  return new FhirError('not-found', 'There is no such export: it was ended, it has expired, or it was never begun at this base');
}
