import { Controller, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { Addresses } from './addresses.js';
import { SearchAnswers } from './search-answers.js';

/** Searches of one type. https://hl7.org/fhir/R4B/http.html#search */
@Controller('fhir/:face/:type')
export class SearchController {
  constructor(
    private readonly addresses: Addresses,
    private readonly answers: SearchAnswers,
  ) {}

  @Get()
  async byUrl(@Param() params: Params, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.answers.send(this.addresses.face(params.face), this.scopeOf(params), request, reply);
  }

  /** The parameters of the URL and of the form count together. */
  @Post('_search')
  @HttpCode(200)
  async byForm(@Param() params: Params, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.answers.send(this.addresses.face(params.face), this.scopeOf(params), request, reply);
  }

  private scopeOf({ type }: Params) {
    return { types: [this.addresses.type(type)], path: type };
  }
}

interface Params {
  face: string;
  type: string;
}
