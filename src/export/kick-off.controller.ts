import { Controller, Get, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { FhirError } from '../fhir/fhir-error.js';
import { baseOf, faceOf } from '../http/face.js';
import { sendOutcome } from '../http/resource-reply.js';
import type { ExportLevel } from './export-definition.js';
import { ExportEdge } from './export-edge.js';
import { exportParameters } from './export-parameters.js';
import { readExport } from './read-export.js';

/** https://hl7.org/fhir/uv/bulkdata/STU2/export.html#bulk-data-kick-off-request */
@Controller('fhir/:face')
export class KickOffController {
  constructor(private readonly edge: ExportEdge) {}

  @Get('$export')
  ofSystem(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.begin({ kind: 'system' }, request, reply);
  }

  @Post('$export')
  ofSystemByBody(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.begin({ kind: 'system' }, request, reply);
  }

  @Get('Patient/$export')
  ofPatients(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.begin({ kind: 'patient' }, request, reply);
  }

  @Post('Patient/$export')
  ofPatientsByBody(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.begin({ kind: 'patient' }, request, reply);
  }

  @Get('Group/:id/$export')
  ofGroup(@Param('id') id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.begin({ kind: 'group', id }, request, reply);
  }

  @Post('Group/:id/$export')
  ofGroupByBody(@Param('id') id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.begin({ kind: 'group', id }, request, reply);
  }

  private async begin(level: ExportLevel, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const face = faceOf((request.params as { face: string }).face);
    const { exports, semantics, compartments, publicUrl, parameters } = this.edge;
    checkAsync(request.headers.prefer);
    await parameters.follow();
    const definition = readExport(exportParameters(request, face), { face, level }, semantics, compartments);
    await exports.checkLevel(level);
    const id = await exports.begin(definition, `${publicUrl}${request.url}`);
    const status = `${baseOf(publicUrl, face)}/$export-status/${id}`;
    void reply.header('content-location', status);
    sendOutcome(reply.status(202), [{ code: 'informational', diagnostics: `The export is under way; ask ${status} for it` }]);
  }
}

/** @throws FhirError 400 */
function checkAsync(prefer: string | readonly string[] | undefined): void {
  const text = typeof prefer === 'string' ? prefer : (prefer ?? []).join(',');
  if (text.split(/[,;]/).some((part) => part.trim().toLowerCase() === 'respond-async')) return;
  throw new FhirError('required', 'An export is carried out in the background: send "Prefer: respond-async"', 'Prefer');
}
