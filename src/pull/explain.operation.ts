import { Controller, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Addresses } from './addresses.js';
import { Explanations } from './explanations.js';
import { operationInput } from './operation-input.js';
import { presentationOf, sendJson } from './presentation.js';
import { pairsOfUrl } from './query-pairs.js';
import { idOf } from './status.operation.js';

/** https://carillon.example/fhir/OperationDefinition/subscription-explain, docs/explain.md */
@Controller('fhir/:face/Subscription')
export class ExplainOperation {
  constructor(
    private readonly addresses: Addresses,
    private readonly explanations: Explanations,
  ) {}

  @Get('$explain')
  get(@Param() params: { face: string }, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.explain(params, request, reply);
  }

  @Post('$explain')
  @HttpCode(200)
  post(@Param() params: { face: string }, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.explain(params, request, reply);
  }

  @Get(':id/$explain')
  getOne(@Param() params: { face: string; id: string }, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.explain(params, request, reply);
  }

  @Post(':id/$explain')
  @HttpCode(200)
  postOne(@Param() params: { face: string; id: string }, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.explain(params, request, reply);
  }

  private async explain(params: { face: string; id?: string }, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const face = this.addresses.face(params.face);
    const own = params.id === undefined ? undefined : this.addresses.id('Subscription', params.id);
    const input = operationInput(request, face, ['subscription', 'reference', 'interaction'], ['resource', 'previous']);
    const presentation = presentationOf(request, pairsOfUrl(request.url), face);
    const named = [...new Set(input.list('subscription').map(idOf))];
    const answer = await this.explanations.explain(face, own ? [own] : named.length > 0 ? named : undefined, {
      resource: input.resource('resource'),
      reference: input.single('reference'),
      previous: input.resource('previous'),
      interaction: input.single('interaction'),
    });
    sendJson(reply.status(200), answer, presentation);
  }
}
