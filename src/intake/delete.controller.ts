import { Controller, Delete, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { faceOf } from '../http/face.js';
import { formatOf } from '../http/media-type.guard.js';
import { negotiate } from '../http/media-types.js';
import { ifMatchVersion } from '../http/preconditions.js';
import { returnPreference } from '../http/prefer.js';
import { checkTypeAddress } from '../http/refused-route.js';
import { sendOutcome, versionHeaders } from '../http/resource-reply.js';
import type { WriteOutcome } from './change-store.js';
import { ClientWrites } from './client-writes.js';
import { checkId, checkStoredType } from './incoming-resource.js';
import { urlCondition } from './url-condition.js';

/** https://hl7.org/fhir/R4B/http.html#delete */
@Controller('fhir/:face')
export class DeleteController {
  constructor(private readonly writes: ClientWrites) {}

  @Delete(':type/:id')
  async delete(
    @Param() { face: faceName, type, id }: { face: string; type: string; id: string },
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const face = faceOf(faceName);
    checkStoredType(type);
    checkId(id);
    await answer(request, reply, faceName, `${type}/${id}`, (ifMatch) => this.writes.delete(face, type, id, ifMatch));
  }

  /** One resource at most: a condition that several match is a 412. https://hl7.org/fhir/R4B/http.html#cdelete */
  @Delete(':type')
  async deleteWhere(
    @Param() { face: faceName, type }: { face: string; type: string },
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const face = faceOf(faceName);
    checkTypeAddress(type, request.method, request.url);
    checkStoredType(type);
    const condition = urlCondition('DELETE', request.url);
    await answer(request, reply, faceName, `${type} that matches the condition`, (ifMatch) =>
      this.writes.deleteWhere(face, type, condition, ifMatch),
    );
  }
}

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  faceName: string,
  what: string,
  remove: (ifMatch: number | undefined) => Promise<WriteOutcome | undefined>,
): Promise<void> {
  const type = negotiate(request.headers.accept, formatOf(request), faceOf(faceName));
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
