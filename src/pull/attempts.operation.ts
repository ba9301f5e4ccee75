import { Controller, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Addresses } from './addresses.js';
import { AttemptAnswers } from './attempts.js';
import { operationInput } from './operation-input.js';
import { PAGE_PARAMETER } from './page-mark.js';
import { isPresentation, presentationOf, sendJson } from './presentation.js';
import { pairsOfUrl } from './query-pairs.js';

const INPUT = ['outcome', 'since', 'until', 'number', '_count', PAGE_PARAMETER];

/** https://carillon.example/fhir/OperationDefinition/subscription-attempts, docs/attempts-and-replay.md */
@Controller('fhir/:face/Subscription')
export class AttemptsOperation {
  constructor(
    private readonly addresses: Addresses,
    private readonly answers: AttemptAnswers,
  ) {}

  @Get(':id/$attempts')
  get(@Param() params: { face: string; id: string }, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.attempts(params, request, reply);
  }

  @Post(':id/$attempts')
  @HttpCode(200)
  post(@Param() params: { face: string; id: string }, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.attempts(params, request, reply);
  }

  private async attempts(params: { face: string; id: string }, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const face = this.addresses.face(params.face);
    const id = this.addresses.id('Subscription', params.id);
    const input = operationInput(request, face, INPUT);
    const pairs = pairsOfUrl(request.url);
    const presentation = presentationOf(request, pairs, face);
    const answer = await this.answers.attempts(
      id,
      {
        outcome: input.single('outcome'),
        since: input.single('since'),
        until: input.single('until'),
        number: input.single('number'),
        count: input.single('_count'),
        page: input.single(PAGE_PARAMETER),
        ...Object.fromEntries(pairs.filter(isPresentation)),
      },
      `${this.addresses.base(face)}/Subscription/${id}/$attempts`,
    );
    sendJson(reply.status(200), answer, presentation);
  }
}
