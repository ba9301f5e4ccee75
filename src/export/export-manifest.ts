import type { ExportJob } from './export-jobs.js';
import { DELETED_FILE, ERROR_FILE } from './select-lines.js';

interface ManifestFile {
  type: string;
  url: string;
  count: number;
}

export interface ExportManifest {
  transactionTime: string;
  request: string;
  requiresAccessToken: false;
  output: ManifestFile[];
  deleted?: ManifestFile[];
  error: ManifestFile[];
}

/** https://hl7.org/fhir/uv/bulkdata/STU2/export.html#response---complete-status, of a job that is done. */
export function exportManifest(job: ExportJob, urlOf: (file: string) => string): ExportManifest {
  const files = job.files.filter(({ lines }) => lines > 0);
  const named = (name: string, type: string): ManifestFile[] =>
    files.filter((file) => file.name === name).map(({ lines }) => ({ type, url: urlOf(name), count: lines }));
  return {
    transactionTime: job.transactionTime.toISOString(),
    request: job.request,
    requiresAccessToken: false,
    output: files
      .filter(({ name }) => name !== DELETED_FILE && name !== ERROR_FILE)
      .flatMap(({ name }) => named(name, name.slice(0, -'.ndjson'.length))),
    ...(job.definition.since === undefined ? {} : { deleted: named(DELETED_FILE, 'Bundle') }),
    error: named(ERROR_FILE, 'OperationOutcome'),
  };
}
