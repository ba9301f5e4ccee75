import { Controller, Get, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Addresses } from './addresses.js';
import { operationInput } from './operation-input.js';
import { presentationOf, sendJson } from './presentation.js';
import { pairsOfUrl } from './query-pairs.js';
import { SubscriptionAnswers } from './subscription-status.js';

const INPUT = ['id', 'status'];

/** http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription-status */
@Controller('fhir/:face/Subscription')
export class StatusOperation {
  constructor(
    private readonly addresses: Addresses,
    private readonly answers: SubscriptionAnswers,
  ) {}

  @Get('$status')
  get(@Param('face') face: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.ofAll(face, request, reply);
  }

  @Post('$status')
  post(@Param('face') face: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.ofAll(face, request, reply);
  }

  @Get(':id/$status')
  getOne(
    @Param() params: { face: string; id: string },
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.ofOne(params, request, reply);
  }

  @Post(':id/$status')
  postOne(
    @Param() params: { face: string; id: string },
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.ofOne(params, request, reply);
  }

  private async ofAll(named: string, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const face = this.addresses.face(named);
    const input = operationInput(request, face, INPUT);
    const presentation = presentationOf(request, pairsOfUrl(request.url), face);
    const self = this.addresses.base(face) + '/Subscription/$status' + queryOf(request.url);
    sendJson(
      reply.status(200),
      await this.answers.statuses(face, input.list('id').map(idOf), input.list('status'), self),
      presentation,
    );
  }

  /** Ids and statuses are ignored here, as the definition of the operation says. */
  private async ofOne(params: { face: string; id: string }, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const face = this.addresses.face(params.face);
    const id = this.addresses.id('Subscription', params.id);
    operationInput(request, face, INPUT);
    const presentation = presentationOf(request, pairsOfUrl(request.url), face);
    sendJson(
      reply.status(200),
      await this.answers.status(face, id, `${this.addresses.base(face)}/Subscription/${id}/$status`),
      presentation,
    );
  }
}

/** Clients also write `Subscription/id`, or its URL. */
export const idOf = (written: string) => written.slice(written.lastIndexOf('/') + 1);

const queryOf = (url: string) => (url.includes('?') ? url.slice(url.indexOf('?')) : '');
