import { Controller, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Addresses } from './addresses.js';
import { operationInput } from './operation-input.js';
import { presentationOf, sendJson } from './presentation.js';
import { pairsOfUrl } from './query-pairs.js';
import { RANGE_INPUT } from './resend-range.js';
import { Resending } from './resending.js';

/** http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription-resend (1.2) */
@Controller('fhir/:face/Subscription')
export class ResendOperation {
  constructor(
    private readonly addresses: Addresses,
    private readonly resending: Resending,
  ) {}

  @Get(':id/$resend')
  get(@Param() params: { face: string; id: string }, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.resend(params, request, reply);
  }

  @Post(':id/$resend')
  @HttpCode(200)
  post(@Param() params: { face: string; id: string }, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.resend(params, request, reply);
  }

  private async resend(params: { face: string; id: string }, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const face = this.addresses.face(params.face);
    const id = this.addresses.id('Subscription', params.id);
    const input = operationInput(request, face, RANGE_INPUT);
    const presentation = presentationOf(request, pairsOfUrl(request.url), face);
    const outcome = await this.resending.resend(id, {
      sinceNumber: input.single('eventsSinceNumber'),
      untilNumber: input.single('eventsUntilNumber'),
      sinceInstant: input.single('eventsSinceInstant'),
      untilInstant: input.single('eventsUntilInstant'),
    });
    sendJson(reply.status(200), outcome, presentation);
  }
}
