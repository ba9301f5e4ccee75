import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { createGzip } from 'node:zlib';
import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { FhirError } from '../fhir/fhir-error.js';
import { addVary } from '../http/add-vary.js';
import { chooseCoding } from '../http/content-encoding.js';
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
    // Parts are of the file as it is; whoever asks for one gets it unpacked.
    const isPacked = request.headers.range === undefined && takesGzip(request.headers['accept-encoding']?.toString());
    const etag = `"${job.id}-${String(file.bytes)}${isPacked ? '-gzip' : ''}"`;
    addVary(reply, 'Accept-Encoding');
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
    const content = handle.createReadStream({ start: from, end: to });
    void reply.header('content-type', 'application/fhir+ndjson');
    if (isPacked) {
      // What goes wrong on the way ends both streams: a file that was cut does not look whole.
      void reply.header('content-encoding', 'gzip').send(pipeline(content, createGzip(), () => {}));
    } else {
      void reply.header('content-length', to - from + 1).send(content);
    }
  }
}

function takesGzip(acceptEncoding: string | undefined): boolean {
  // Bulk Data speaks of gzip alone.
  return chooseCoding(acceptEncoding?.replace(/\bbr\b/g, 'none')) === 'gzip';
}

function namesTag(header: string | undefined, etag: string): boolean {
  return header !== undefined && header.split(',').some((tag) => tag.trim() === etag || tag.trim() === '*');
}

function isSame(ifRange: string | string[] | undefined, etag: string): boolean {
  return ifRange === undefined || ifRange === etag;
}
