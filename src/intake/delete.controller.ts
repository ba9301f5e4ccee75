import { Controller, Delete, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { faceOf } from '../http/face.js';
import { formatOf } from '../http/media-type.guard.js';
import { negotiate } from '../http/media-types.js';
import { ifMatchVersion } from '../http/preconditions.js';
import { returnPreference } from '../http/prefer.js';
import { sendOutcome, versionHeaders } from '../http/resource-reply.js';
import { ClientWrites } from './client-writes.js';
import { checkId, checkStoredType } from './incoming-resource.js';

/** https://hl7.org/fhir/R4B/http.html#delete */
@Controller('fhir/:face')
export class DeleteController {
  constructor(private readonly writes: ClientWrites) {}

  @Delete(':type/:id')
  async delete(
    @Param() params: { face: string; type: string; id: string },
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const face = faceOf(params.face);
    checkStoredType(params.type);
    checkId(params.id);
    const type = negotiate(request.headers.accept, formatOf(request), face);
    const outcome = await this.writes.delete(face, params.type, params.id, ifMatchVersion(request.headers['if-match']));
    if (outcome.kind === 'stored') versionHeaders(reply, outcome.change);
    if (returnPreference(request.headers.prefer) !== 'OperationOutcome') {
      void reply.status(204).send();
      return;
    }
    const name = `${params.type}/${params.id}`;
    const diagnostics = outcome.kind === 'stored' ? `Deleted ${name}` : `There was no ${name} to delete`;
    sendOutcome(reply.status(200), [{ code: 'informational', diagnostics }], type);
  }
}
