import { Controller, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { operationOutcome } from '../fhir/fhir-error.js';
import { ifMatchVersion } from '../http/preconditions.js';
import { Addresses } from './addresses.js';
import { resourceOrParameters } from './operation-input.js';
import { presentationOf, sendJson } from './presentation.js';
import { pairsOfUrl } from './query-pairs.js';
import { Validations } from './validations.js';

/** http://hl7.org/fhir/OperationDefinition/Resource-validate, docs/resource-operations.md */
@Controller('fhir/:face/:type')
export class ValidateOperation {
  constructor(
    private readonly addresses: Addresses,
    private readonly validations: Validations,
  ) {}

  @Post('$validate')
  ofType(
    @Param() params: { face: string; type: string },
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.validate(params, request, reply);
  }

  @Post(':id/$validate')
  ofInstance(
    @Param() params: { face: string; type: string; id: string },
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.validate(params, request, reply);
  }

  private async validate(
    params: { face: string; type: string; id?: string },
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const face = this.addresses.face(params.face);
    const type = this.addresses.type(params.type);
    const id = params.id === undefined ? undefined : this.addresses.id(type, params.id);
    const input = resourceOrParameters(request, face, ['mode', 'profile'], 'resource');
    const presentation = presentationOf(request, pairsOfUrl(request.url), face);
    const issues = await this.validations.run({
      face,
      type,
      id,
      mode: input.single('mode'),
      profile: input.single('profile'),
      resource: input.resource('resource'),
      ifMatch: ifMatchVersion(request.headers['if-match']),
    });
    sendJson(reply.status(200), JSON.stringify(operationOutcome(issues)), presentation);
  }
}
