import { Controller, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Addresses } from './addresses.js';
import { DeadLetterAnswers } from './dead-letters.js';
import { operationInput } from './operation-input.js';
import { PAGE_PARAMETER } from './page-mark.js';
import { isPresentation, presentationOf, sendJson } from './presentation.js';
import { pairsOfUrl } from './query-pairs.js';

/** https://carillon.example/fhir/OperationDefinition/subscription-dead-letters, docs/attempts-and-replay.md */
@Controller('fhir/:face/Subscription')
export class DeadLettersOperation {
  constructor(
    private readonly addresses: Addresses,
    private readonly answers: DeadLetterAnswers,
  ) {}

  @Get(':id/$dead-letters')
  get(@Param() params: { face: string; id: string }, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.letters(params, request, reply);
  }

  @Post(':id/$dead-letters')
  @HttpCode(200)
  post(@Param() params: { face: string; id: string }, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.letters(params, request, reply);
  }

  private async letters(params: { face: string; id: string }, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const face = this.addresses.face(params.face);
    const id = this.addresses.id('Subscription', params.id);
    const input = operationInput(request, face, ['resolved', '_count', PAGE_PARAMETER]);
    const pairs = pairsOfUrl(request.url);
    const presentation = presentationOf(request, pairs, face);
    const answer = await this.answers.letters(
      id,
      {
        resolved: input.single('resolved'),
        count: input.single('_count'),
        page: input.single(PAGE_PARAMETER),
        ...Object.fromEntries(pairs.filter(isPresentation)),
      },
      `${this.addresses.base(face)}/Subscription/${id}/$dead-letters`,
    );
    sendJson(reply.status(200), answer, presentation);
  }
}
