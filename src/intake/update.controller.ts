import { Controller, Param, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Face } from '../fhir/change.js';
import { formatOf } from '../http/media-type.guard.js';
import { negotiate } from '../http/media-types.js';
import { ifMatchVersion, ifNoneMatchAny } from '../http/preconditions.js';
import { jsonBodyOf } from '../http/request-body.js';
import type { WriteOutcome } from './change-store.js';
import { ClientWrites, type UpdateConditions } from './client-writes.js';
import { checkBodyId, readResource } from './incoming-resource.js';
import { PublicUrl } from './public-url.js';
import { conditionAddress, resourceAddress } from './write-address.js';
import { sendPut } from './written-answer.js';

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
    const { face, type, id } = resourceAddress(params);
    await this.answer(face, request, reply, (conditions) => {
      const parsed = readResource(jsonBodyOf(request, face), type);
      checkBodyId(parsed.value, type, id);
      return this.writes.update(face, type, id, parsed, conditions);
    });
  }

  /** https://hl7.org/fhir/R4B/http.html#cond-update */
  @Put(':type')
  async updateWhere(
    @Param() params: { face: string; type: string },
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { face, type, condition } = conditionAddress(params, request);
    await this.answer(face, request, reply, (conditions) =>
      this.writes.updateWhere(face, type, condition, readResource(jsonBodyOf(request, face), type), conditions),
    );
  }

  private async answer(
    face: Face,
    request: FastifyRequest,
    reply: FastifyReply,
    write: (conditions: UpdateConditions) => Promise<WriteOutcome>,
  ): Promise<void> {
    const type = negotiate(request.headers.accept, formatOf(request), face);
    const outcome = await write({
      ifMatch: ifMatchVersion(request.headers['if-match']),
      ifNoneMatchAny: ifNoneMatchAny(request.headers['if-none-match']),
    });
    await sendPut(request, reply, outcome, this.writes, { face, type, publicUrl: this.publicUrl.value, verb: 'Updated' });
  }
}
