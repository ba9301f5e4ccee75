import { Controller, Get, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Addresses } from './addresses.js';
import { operationInput } from './operation-input.js';
import { presentationOf, sendJson } from './presentation.js';
import { pairsOfUrl } from './query-pairs.js';
import { SubscriptionAnswers } from './subscription-status.js';

const INPUT = ['eventsSinceNumber', 'eventsUntilNumber', 'content'];

/** http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription-events */
@Controller('fhir/:face/Subscription')
export class EventsOperation {
  constructor(
    private readonly addresses: Addresses,
    private readonly answers: SubscriptionAnswers,
  ) {}

  @Get(':id/$events')
  get(@Param() params: { face: string; id: string }, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.events(params, request, reply);
  }

  @Post(':id/$events')
  post(@Param() params: { face: string; id: string }, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.events(params, request, reply);
  }

  private async events(params: { face: string; id: string }, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const face = this.addresses.face(params.face);
    const id = this.addresses.id('Subscription', params.id);
    const input = operationInput(request, face, INPUT);
    const presentation = presentationOf(request, pairsOfUrl(request.url), face);
    const { text, missing } = await this.answers.range(face, id, {
      since: input.single('eventsSinceNumber'),
      until: input.single('eventsUntilNumber'),
      content: input.single('content'),
    });
    // In a header: an entry of the notification Bundle would have to be an event.
    if (missing !== undefined) void reply.header('warning', `199 carillon "${missing}"`);
    sendJson(reply.status(200), text, presentation);
  }
}
