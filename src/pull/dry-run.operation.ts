import { Controller, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Addresses } from './addresses.js';
import { DryRuns } from './dry-runs.js';
import { operationInput } from './operation-input.js';
import { presentationOf, sendJson } from './presentation.js';
import { pairsOfUrl } from './query-pairs.js';

/** https://carillon.example/fhir/OperationDefinition/subscription-dry-run, docs/explain.md */
@Controller('fhir/:face/Subscription')
export class DryRunOperation {
  constructor(
    private readonly addresses: Addresses,
    private readonly dryRuns: DryRuns,
  ) {}

  @Post('$dry-run')
  @HttpCode(200)
  async run(@Param() params: { face: string }, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const face = this.addresses.face(params.face);
    const input = operationInput(request, face, ['last'], ['subscription']);
    const presentation = presentationOf(request, pairsOfUrl(request.url), face);
    const answer = await this.dryRuns.run(face, input.resource('subscription'), input.single('last'));
    sendJson(reply.status(200), answer, presentation);
  }
}
