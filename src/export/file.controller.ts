import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { FhirError } from '../fhir/fhir-error.js';
import { byteRange } from './byte-range.js';
import { ExportEdge } from './export-edge.js';

/** Files of finished exports, streamed from the disk. They never change, so a download that broke off can go on by `Range`. */
@Controller('bulk/:job/:file')
export class ExportFileController {
  constructor(private readonly edge: ExportEdge) {}

  @Get()
  async read(
    @Param() params: { job: string; file: string },
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { job, file, folder } = await this.edge.exports.file(params.job, params.file);
    const etag = `"${job.id}-${String(file.bytes)}"`;
    void reply.headers({
      etag,
      'accept-ranges': 'bytes',
      'cache-control': 'private, no-transform',
      ...(job.expires === undefined ? {} : { expires: job.expires.toUTCString() }),
    });
    if (namesTag(request.headers['if-none-match'], etag)) {
      void reply.status(304).send();
      return;
    }
    const range = isSame(request.headers['if-range'], etag) ? byteRange(request.headers.range, file.bytes) : undefined;
    if (range === 'none')
      throw new FhirError('value', `The file has ${String(file.bytes)} bytes`, 'Range', {
        status: 416,
        headers: { 'Content-Range': `bytes */${String(file.bytes)}` },
      });
    const { from, to } = range ?? { from: 0, to: file.bytes - 1 };
    const handle = await open(join(folder, file.name), 'r').catch((error: NodeJS.ErrnoException) => {
      throw error.code === 'ENOENT' ? new FhirError('not-found', 'The file is not there any more') : error;
    });
    if (range !== undefined)
      void reply.status(206).header('content-range', `bytes ${String(from)}-${String(to)}/${String(file.bytes)}`);
    void reply
      .header('content-type', 'application/fhir+ndjson')
      .header('content-length', to - from + 1)
      .send(handle.createReadStream({ start: from, end: to }));
  }
}

function namesTag(header: string | undefined, etag: string): boolean {
  return header !== undefined && header.split(',').some((tag) => tag.trim() === etag || tag.trim() === '*');
}

function isSame(ifRange: string | string[] | undefined, etag: string): boolean {
  return ifRange === undefined || ifRange === etag;
}
