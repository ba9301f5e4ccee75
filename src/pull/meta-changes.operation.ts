import { Controller, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ifMatchVersion } from '../http/preconditions.js';
import { Addresses } from './addresses.js';
import { type Meta, withLabels, withoutLabels } from './labels.js';
import { metaInput } from './meta-input.js';
import { Metas } from './metas.js';
import { presentationOf, sendJson } from './presentation.js';
import { pairsOfUrl } from './query-pairs.js';

interface Place {
  face: string;
  type: string;
  id: string;
}

/** http://hl7.org/fhir/OperationDefinition/Resource-meta-add and Resource-meta-delete, docs/resource-operations.md */
@Controller('fhir/:face/:type/:id')
export class MetaChangesOperation {
  constructor(
    private readonly addresses: Addresses,
    private readonly metas: Metas,
  ) {}

  @Post('$meta-add')
  @HttpCode(200)
  add(@Param() place: Place, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.change(place, withLabels, request, reply);
  }

  @Post('$meta-delete')
  @HttpCode(200)
  remove(@Param() place: Place, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.change(place, withoutLabels, request, reply);
  }

  private async change(
    place: Place,
    change: (meta: Meta, given: Meta) => Meta,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const face = this.addresses.face(place.face);
    const type = this.addresses.type(place.type);
    const id = this.addresses.id(type, place.id);
    const presentation = presentationOf(request, pairsOfUrl(request.url), face);
    const given = metaInput(request, face);
    const ifMatch = ifMatchVersion(request.headers['if-match']);
    const text = await this.metas.change({ face, type, id }, (meta) => change(meta, given), ifMatch);
    sendJson(reply.status(200), text, presentation);
  }
}
