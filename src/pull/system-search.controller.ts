import { Controller, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

import type { Face } from '../fhir/change.js';
import { Addresses } from './addresses.js';
import { SearchAnswers } from './search-answers.js';

/** Searches of all types, or of those that `_type` names. https://hl7.org/fhir/R4B/search.html#all */
@Controller('fhir/:face')
export class SystemSearchController {
  constructor(
    private readonly addresses: Addresses,
    private readonly answers: SearchAnswers,
  ) {}

  @Get()
  async byUrl(@Param('face') face: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.answer(this.addresses.face(face), request, reply);
  }

  @Post('_search')
  @HttpCode(200)
  async byForm(@Param('face') face: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.answer(this.addresses.face(face), request, reply);
  }

  private answer(face: Face, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    return this.answers.sendTyped(face, { types: this.addresses.typesOf(face), path: '' }, request, reply);
  }
}
