import { Controller, Get, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Addresses } from './addresses.js';
import { BindingTokens } from './binding-tokens.js';
import { operationInput } from './operation-input.js';
import { presentationOf, sendJson } from './presentation.js';
import { pairsOfUrl } from './query-pairs.js';
import { idOf } from './status.operation.js';

/** http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription-get-ws-binding-token */
@Controller('fhir/:face/Subscription')
export class GetWsBindingTokenOperation {
  constructor(
    private readonly addresses: Addresses,
    private readonly tokens: BindingTokens,
  ) {}

  @Get('$get-ws-binding-token')
  get(@Param('face') face: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.issue({ face }, request, reply);
  }

  @Post('$get-ws-binding-token')
  post(@Param('face') face: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.issue({ face }, request, reply);
  }

  @Get(':id/$get-ws-binding-token')
  getOne(
    @Param() params: { face: string; id: string },
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.issue(params, request, reply);
  }

  @Post(':id/$get-ws-binding-token')
  postOne(
    @Param() params: { face: string; id: string },
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.issue(params, request, reply);
  }

  /** At instance level the parameter `id` is ignored. */
  private async issue(params: { face: string; id?: string }, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const face = this.addresses.face(params.face);
    const input = operationInput(request, face, ['id']);
    const ids = params.id === undefined ? input.list('id').map(idOf) : [this.addresses.id('Subscription', params.id)];
    const presentation = presentationOf(request, pairsOfUrl(request.url), face);
    sendJson(reply.status(200).header('Cache-Control', 'no-store'), await this.tokens.issue(face, ids), presentation);
  }
}
