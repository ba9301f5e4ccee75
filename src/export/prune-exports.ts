import type { ExportFolder } from './export-folder.js';
import type { ExportJobs } from './export-jobs.js';

/** Exports past their hours are forgotten, and whatever lies in the folder of a job that is none any more goes. */
export class PruneExports {
  readonly name = 'prune-exports';
  readonly everySeconds = 60;

  constructor(
    private readonly jobs: ExportJobs,
    private readonly folder: ExportFolder,
  ) {}

  async run(): Promise<number> {
    const expired = await this.jobs.expire();
    const here = await this.folder.jobs();
    const known = new Set(here.length === 0 ? [] : await this.jobs.known(here));
    const orphans = here.filter((id) => !known.has(id));
    for (const id of orphans) await this.folder.remove(id);
    return Math.max(expired, orphans.length);
  }
}
