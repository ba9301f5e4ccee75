import { Controller, Delete, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Face } from '../fhir/change.js';
import { formatOf } from '../http/media-type.guard.js';
import { negotiate } from '../http/media-types.js';
import { ifMatchVersion } from '../http/preconditions.js';
import { returnPreference } from '../http/prefer.js';
import { sendOutcome, versionHeaders } from '../http/resource-reply.js';
import type { WriteOutcome } from './change-store.js';
import { ClientWrites } from './client-writes.js';
import { conditionAddress, resourceAddress } from './write-address.js';

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
    const { face, type, id } = resourceAddress(params);
    await answer(request, reply, face, `${type}/${id}`, (ifMatch) => this.writes.delete(face, type, id, ifMatch));
  }

  /** One resource at most: a condition that several match is a 412. https://hl7.org/fhir/R4B/http.html#cdelete */
  @Delete(':type')
  async deleteWhere(
    @Param() params: { face: string; type: string },
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { face, type, condition } = conditionAddress(params, request);
    await answer(request, reply, face, `${type} that matches the condition`, (ifMatch) =>
      this.writes.deleteWhere(face, type, condition, ifMatch),
    );
  }
}

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  face: Face,
  what: string,
  remove: (ifMatch: number | undefined) => Promise<WriteOutcome | undefined>,
): Promise<void> {
  const type = negotiate(request.headers.accept, formatOf(request), face);
  const outcome = await remove(ifMatchVersion(request.headers['if-match']));
  if (outcome?.kind === 'stored') versionHeaders(reply, outcome.change);
  if (returnPreference(request.headers.prefer) !== 'OperationOutcome') {
    void reply.status(204).send();
    return;
  }
  const diagnostics =
    outcome?.kind === 'stored' ? `Deleted ${outcome.change.type}/${outcome.change.id}` : `There was no ${what} to delete`;
  sendOutcome(reply.status(200), [{ code: 'informational', diagnostics }], type);
}
