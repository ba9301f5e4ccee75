import { Controller, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { FhirError } from '../fhir/fhir-error.js';
import { Addresses } from './addresses.js';
import { type OperationInput, operationInput } from './operation-input.js';
import { presentationOf, sendJson } from './presentation.js';
import { pairsOfUrl } from './query-pairs.js';
import { RANGE_INPUT } from './resend-range.js';
import { Resending } from './resending.js';

interface Address {
  face: string;
  id: string;
}

/** https://carillon.example/fhir/OperationDefinition/subscription-replay, -replay-status, -replay-cancel; docs/attempts-and-replay.md */
@Controller('fhir/:face/Subscription')
export class ReplayOperation {
  constructor(
    private readonly addresses: Addresses,
    private readonly resending: Resending,
  ) {}

  @Post(':id/$replay')
  @HttpCode(200)
  replay(@Param() params: Address, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answer(params, request, reply, [...RANGE_INPUT, 'failedOnly', 'rate'], (id, input) =>
      this.resending.replay(id, {
        sinceNumber: input.single('eventsSinceNumber'),
        untilNumber: input.single('eventsUntilNumber'),
        sinceInstant: input.single('eventsSinceInstant'),
        untilInstant: input.single('eventsUntilInstant'),
        failedOnly: input.single('failedOnly'),
        rate: input.single('rate'),
      }),
    );
  }

  @Get(':id/$replay-status')
  getStatus(@Param() params: Address, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.status(params, request, reply);
  }

  @Post(':id/$replay-status')
  @HttpCode(200)
  postStatus(@Param() params: Address, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.status(params, request, reply);
  }

  @Post(':id/$replay-cancel')
  @HttpCode(200)
  cancel(@Param() params: Address, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answer(params, request, reply, ['replay'], (id, input) => this.resending.cancel(id, input.single('replay')));
  }

  /** What changes state is not for GET: https://hl7.org/fhir/R4B/operations.html#executing */
  @Get(':id/$replay')
  getReplay(): never {
    throw postOnly('$replay');
  }

  @Get(':id/$replay-cancel')
  getCancel(): never {
    throw postOnly('$replay-cancel');
  }

  private status(params: Address, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    return this.answer(params, request, reply, ['replay'], (id, input) => this.resending.status(id, input.single('replay')));
  }

  private async answer(
    params: Address,
    request: FastifyRequest,
    reply: FastifyReply,
    names: readonly string[],
    ask: (id: string, input: OperationInput) => Promise<string>,
  ): Promise<void> {
    const face = this.addresses.face(params.face);
    const id = this.addresses.id('Subscription', params.id);
    const input = operationInput(request, face, names);
    const presentation = presentationOf(request, pairsOfUrl(request.url), face);
    sendJson(reply.status(200), await ask(id, input), presentation);
  }
}

const postOnly = (operation: string) =>
  new FhirError('not-supported', `${operation} changes what is sent: use POST`, undefined, {
    status: 405,
    headers: { Allow: 'POST' },
  });
