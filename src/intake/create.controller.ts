import { Controller, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { faceOf } from '../http/face.js';
import { formatOf } from '../http/media-type.guard.js';
import { negotiate } from '../http/media-types.js';
import { returnPreference } from '../http/prefer.js';
import { checkTypeAddress } from '../http/refused-route.js';
import { jsonBodyOf } from '../http/request-body.js';
import { sendWritten, versionUrl } from '../http/resource-reply.js';
import { ClientWrites } from './client-writes.js';
import { checkStoredType, readResource } from './incoming-resource.js';
import { PublicUrl } from './public-url.js';
import { headerCondition } from './url-condition.js';

/** https://hl7.org/fhir/R4B/http.html#create */
@Controller('fhir/:face')
export class CreateController {
  constructor(
    private readonly writes: ClientWrites,
    private readonly publicUrl: PublicUrl,
  ) {}

  @Post(':type')
  async create(
    @Param() params: { face: string; type: string },
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const face = faceOf(params.face);
    checkTypeAddress(params.type, request.method, request.url);
    checkStoredType(params.type);
    const type = negotiate(request.headers.accept, formatOf(request), face);
    const parsed = readResource(jsonBodyOf(request, face), params.type);
    const { kind, change } = await this.writes.create(face, params.type, parsed, headerCondition(request.raw.rawHeaders));
    const name = `${change.type}/${change.id}`;
    const prefer = returnPreference(request.headers.prefer);
    sendWritten(reply, {
      status: kind === 'created' ? 201 : 200,
      change,
      location: versionUrl(this.publicUrl.value, face, change),
      prefer,
      type,
      remarks: kind === 'created' ? await this.writes.remarks(change, prefer) : [],
      done: {
        code: 'informational',
        diagnostics: kind === 'created' ? `Created ${name}` : `${name} matches If-None-Exist; nothing was created`,
      },
    });
  }
}
