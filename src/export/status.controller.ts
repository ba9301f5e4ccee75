import { Controller, Delete, Get, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { FhirError } from '../fhir/fhir-error.js';
import { faceOf } from '../http/face.js';
import { sendOutcome } from '../http/resource-reply.js';
import { ExportEdge } from './export-edge.js';
import type { ExportJob } from './export-jobs.js';
import { exportManifest } from './export-manifest.js';
import { walksOf } from './export-walks.js';

/** https://hl7.org/fhir/uv/bulkdata/STU2/export.html#bulk-data-status-request */
@Controller('fhir/:face/$export-status/:job')
export class ExportStatusController {
  constructor(private readonly edge: ExportEdge) {}

  @Get()
  async status(
    @Param() params: { face: string; job: string },
    @Req() _request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const job = await this.edge.exports.find(faceOf(params.face), params.job);
    if (job.state === 'failed')
      throw new FhirError('exception', `The export failed: ${job.reason ?? 'it could not be carried out'}`);
    void reply.header('cache-control', 'no-store');
    if (job.state === 'open') {
      void reply.status(202).header('x-progress', progressOf(job)).header('retry-after', waitOf(job, Date.now())).send();
      return;
    }
    const manifest = exportManifest(job, (file) => `${this.edge.publicUrl}/bulk/${job.id}/${file}`);
    if (job.expires !== undefined) void reply.header('expires', job.expires.toUTCString());
    void reply.header('content-type', 'application/json; charset=utf-8').send(JSON.stringify(manifest));
  }

  @Delete()
  async end(@Param() params: { face: string; job: string }, @Res() reply: FastifyReply): Promise<void> {
    await this.edge.exports.end(faceOf(params.face), params.job);
    sendOutcome(reply.status(202), [{ code: 'informational', diagnostics: 'The export and its files are gone' }]);
  }
}

/** At most 100 characters. */
function progressOf(job: ExportJob): string {
  if (job.folder === undefined) return 'waiting to begin';
  const walks = walksOf(job.definition);
  const lines = job.files.reduce((sum, file) => sum + file.lines, 0);
  return `${String(lines)} lines, type ${String(job.place.walk + 1)} of ${String(walks.length)}, ${walks[job.place.walk]?.shown ?? ''}`;
}

/** Seconds: soon at first, seldom for what takes long. */
function waitOf(job: ExportJob, now: number): string {
  const age = (now - job.askedAt.getTime()) / 1000;
  return String(Math.max(1, Math.min(60, Math.floor(age / 5))));
}
