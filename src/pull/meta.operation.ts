import { Controller, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { FhirError } from '../fhir/fhir-error.js';
import { Addresses } from './addresses.js';
import { Metas } from './metas.js';
import { operationInput } from './operation-input.js';
import { presentationOf, sendJson } from './presentation.js';
import { pairsOfUrl } from './query-pairs.js';

interface Place {
  face: string;
  type?: string;
  id?: string;
  version?: string;
}

/** http://hl7.org/fhir/OperationDefinition/Resource-meta, docs/resource-operations.md */
@Controller('fhir/:face')
export class MetaOperation {
  constructor(
    private readonly addresses: Addresses,
    private readonly metas: Metas,
  ) {}

  @Get(['$meta', ':type/$meta', ':type/:id/$meta', ':type/:id/_history/:version/$meta'])
  get(@Param() place: Place, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answer(place, request, reply);
  }

  @Post(['$meta', ':type/$meta', ':type/:id/$meta', ':type/:id/_history/:version/$meta'])
  @HttpCode(200)
  post(@Param() place: Place, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answer(place, request, reply);
  }

  private async answer(place: Place, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const face = this.addresses.face(place.face);
    const type = place.type === undefined ? undefined : this.addresses.type(place.type);
    const id = type === undefined || place.id === undefined ? undefined : this.addresses.id(type, place.id);
    operationInput(request, face, []);
    const presentation = presentationOf(request, pairsOfUrl(request.url), face);
    const text =
      type === undefined || id === undefined
        ? await this.metas.ofAll(face, type)
        : await this.metas.ofResource({ face, type, id }, versionOf(place));
    sendJson(reply.status(200), text, presentation);
  }
}

function versionOf({ type, id, version }: Place): number | undefined {
  if (version === undefined) return undefined;
  if (/^[1-9]\d{0,8}$/.test(version)) return Number(version);
  throw new FhirError('not-found', `There is no version ${version} of ${type}/${id}`);
}
