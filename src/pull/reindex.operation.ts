import { Controller, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { FhirError } from '../fhir/fhir-error.js';
import { Addresses } from './addresses.js';
import { operationInput } from './operation-input.js';
import { presentationOf, sendJson } from './presentation.js';
import { pairsOfUrl } from './query-pairs.js';
import { Reindexing } from './reindexing.js';

interface Address {
  face: string;
  id: string;
}

/** https://carillon.example/fhir/OperationDefinition/search-parameter-reindex, -reindex-status; docs/searching.md */
@Controller('fhir/:face/SearchParameter')
export class ReindexOperation {
  constructor(
    private readonly addresses: Addresses,
    private readonly reindexing: Reindexing,
  ) {}

  @Post(':id/$reindex')
  @HttpCode(200)
  again(@Param() params: Address, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answer(params, request, reply, (id) => this.reindexing.again(id));
  }

  @Get(':id/$reindex')
  getAgain(): never {
    throw new FhirError('not-supported', '$reindex begins something: use POST', undefined, {
      status: 405,
      headers: { Allow: 'POST' },
    });
  }

  @Get(':id/$reindex-status')
  getStatus(@Param() params: Address, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answer(params, request, reply, (id) => this.reindexing.status(id));
  }

  @Post(':id/$reindex-status')
  @HttpCode(200)
  postStatus(@Param() params: Address, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answer(params, request, reply, (id) => this.reindexing.status(id));
  }

  private async answer(
    params: Address,
    request: FastifyRequest,
    reply: FastifyReply,
    ask: (id: string) => Promise<string>,
  ): Promise<void> {
    const face = this.addresses.face(params.face);
    const id = this.addresses.id('SearchParameter', params.id);
    operationInput(request, face, []);
    const presentation = presentationOf(request, pairsOfUrl(request.url), face);
    sendJson(reply.status(200), await ask(id), presentation);
  }
}
