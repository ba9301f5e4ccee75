import { Controller, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Change } from '../fhir/change.js';
import { definitions } from '../fhir/definitions.js';
import { Addresses } from './addresses.js';
import { bundleText } from './bundle-text.js';
import { Everything } from './everything.js';
import { EVERYTHING_INPUT, everythingRequest } from './everything-request.js';
import { operationInput } from './operation-input.js';
import { decodePageMark, encodePageMark, PAGE_PARAMETER } from './page-mark.js';
import { isPresentation, presentationOf, sendJson } from './presentation.js';
import { type Pair, pairsOfUrl, queryText } from './query-pairs.js';

interface Place {
  face: string;
  id: string;
}

/** http://hl7.org/fhir/OperationDefinition/Patient-everything and Encounter-everything, docs/resource-operations.md */
@Controller('fhir/:face')
export class EverythingOperation {
  constructor(
    private readonly addresses: Addresses,
    private readonly everything: Everything,
  ) {}

  @Get('Patient/:id/$everything')
  ofPatient(@Param() place: Place, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answer('Patient', place, request, reply);
  }

  @Post('Patient/:id/$everything')
  @HttpCode(200)
  ofPatientByPost(@Param() place: Place, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answer('Patient', place, request, reply);
  }

  @Get('Encounter/:id/$everything')
  ofEncounter(@Param() place: Place, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answer('Encounter', place, request, reply);
  }

  @Post('Encounter/:id/$everything')
  @HttpCode(200)
  ofEncounterByPost(@Param() place: Place, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answer('Encounter', place, request, reply);
  }

  private async answer(type: 'Patient' | 'Encounter', place: Place, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const face = this.addresses.face(place.face);
    const id = this.addresses.id(type, place.id);
    const base = this.addresses.base(face);
    const input = operationInput(request, face, type === 'Patient' ? ['start', 'end', ...EVERYTHING_INPUT] : EVERYTHING_INPUT);
    const pairs = pairsOfUrl(request.url);
    const presentation = presentationOf(request, pairs, face);
    const asked = everythingRequest(input, face, (name) => definitions().isResourceType(name));
    const walk = JSON.stringify(['everything', type, id, asked.used.filter(([name]) => name !== '_count')]);
    const after = asked.page === undefined ? undefined : decodePageMark(asked.page, walk);
    const { members, supporting, next } = await this.everything.page(face, type, id, asked, after);
    const link = (mark: string | undefined) => {
      const marked: Pair[] = mark === undefined ? [] : [[PAGE_PARAMETER, mark]];
      const text = queryText([...asked.used, ...pairs.filter(isPresentation), ...marked]);
      return `${base}/${type}/${id}/$everything${text === '' ? '' : `?${text}`}`;
    };
    const links = { self: link(asked.page), ...(next === undefined ? {} : { next: link(encodePageMark(next, walk)) }) };
    const entries = [
      ...members.map((member) => entryText(base, member, 'match')),
      ...supporting.map((one) => entryText(base, one, 'include')),
    ];
    sendJson(reply.status(200), bundleText('searchset', { links, at: new Date() }, entries), presentation);
  }
}

function entryText(base: string, { type, id, body }: Change, mode: 'match' | 'include'): string {
  return `{"fullUrl":${JSON.stringify(`${base}/${type}/${id}`)},"resource":${body ?? 'null'},"search":{"mode":"${mode}"}}`;
}
