import { Controller, Param, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { faceOf } from '../http/face.js';
import { formatOf } from '../http/media-type.guard.js';
import { negotiate } from '../http/media-types.js';
import { ifMatchVersion, ifNoneMatchAny } from '../http/preconditions.js';
import { returnPreference } from '../http/prefer.js';
import { jsonBodyOf } from '../http/request-body.js';
import { sendWritten, versionUrl } from '../http/resource-reply.js';
import { ClientWrites } from './client-writes.js';
import { checkBodyId, checkId, checkStoredType, readResource } from './incoming-resource.js';
import { PublicUrl } from './public-url.js';

/** https://hl7.org/fhir/R4B/http.html#update */
@Controller('fhir/:face')
export class UpdateController {
  constructor(
    private readonly writes: ClientWrites,
    private readonly publicUrl: PublicUrl,
  ) {}

  @Put(':type/:id')
  async update(
    @Param() params: { face: string; type: string; id: string },
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const face = faceOf(params.face);
    checkStoredType(params.type);
    checkId(params.id);
    const type = negotiate(request.headers.accept, formatOf(request), face);
    const conditions = {
      ifMatch: ifMatchVersion(request.headers['if-match']),
      ifNoneMatchAny: ifNoneMatchAny(request.headers['if-none-match']),
    };
    const parsed = readResource(jsonBodyOf(request, face), params.type);
    checkBodyId(parsed.value, params.type, params.id);
    const outcome = await this.writes.update(face, params.type, params.id, parsed, conditions);
    if (outcome.kind === 'absent') throw new Error('An update came to nothing');
    const { change } = outcome;
    const created = outcome.kind === 'stored' && change.interaction === 'create';
    const done = outcome.kind === 'unchanged' ? 'Nothing to change in' : created ? 'Created' : 'Updated';
    const prefer = returnPreference(request.headers.prefer);
    sendWritten(reply, {
      status: created ? 201 : 200,
      change,
      location: created ? versionUrl(this.publicUrl.value, face, change) : undefined,
      prefer,
      type,
      remarks: await this.writes.remarks(change, parsed, prefer),
      done: { code: 'informational', diagnostics: `${done} ${change.type}/${change.id}` },
    });
  }
}
