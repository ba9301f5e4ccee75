import { Controller, Param, Patch as PatchRoute, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Face } from '../fhir/change.js';
import { formatOf } from '../http/media-type.guard.js';
import { mediaTypeName, negotiate } from '../http/media-types.js';
import { ifMatchVersion } from '../http/preconditions.js';
import { jsonBodyOf } from '../http/request-body.js';
import type { WriteOutcome } from './change-store.js';
import { ClientWrites } from './client-writes.js';
import { fhirPathPatchOf, JSON_PATCH, jsonPatchOf, type Patch } from './patch/patch.js';
import { PublicUrl } from './public-url.js';
import { conditionAddress, resourceAddress } from './write-address.js';
import { sendPut } from './written-answer.js';

/** https://hl7.org/fhir/R4B/http.html#patch */
@Controller('fhir/:face')
export class PatchController {
  constructor(
    private readonly writes: ClientWrites,
    private readonly publicUrl: PublicUrl,
  ) {}

  @PatchRoute(':type/:id')
  async patch(
    @Param() params: { face: string; type: string; id: string },
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { face, type, id } = resourceAddress(params);
    await this.answer(face, request, reply, (patch, ifMatch) => this.writes.patch(face, type, id, patch, ifMatch));
  }

  @PatchRoute(':type')
  async patchWhere(
    @Param() params: { face: string; type: string },
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { face, type, condition } = conditionAddress(params, request);
    await this.answer(face, request, reply, (patch, ifMatch) => this.writes.patchWhere(face, type, condition, patch, ifMatch));
  }

  private async answer(
    face: Face,
    request: FastifyRequest,
    reply: FastifyReply,
    write: (patch: Patch, ifMatch: number | undefined) => Promise<WriteOutcome>,
  ): Promise<void> {
    const type = negotiate(request.headers.accept, formatOf(request), face);
    const ifMatch = ifMatchVersion(request.headers['if-match']);
    const outcome = await write(patchOf(request, face), ifMatch);
    await sendPut(request, reply, outcome, this.writes, { face, type, publicUrl: this.publicUrl.value, verb: 'Patched' });
  }
}

function patchOf(request: FastifyRequest, face: Face): Patch {
  const isJsonPatch = mediaTypeName(request.headers['content-type']) === JSON_PATCH;
  const body = jsonBodyOf(request, face, isJsonPatch ? [JSON_PATCH] : undefined);
  return isJsonPatch ? jsonPatchOf(body) : fhirPathPatchOf(body);
}
