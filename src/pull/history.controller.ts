import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { typesUnknownTo } from '../fhir/face-types.js';
import { FhirError } from '../fhir/fhir-error.js';
import { Addresses } from './addresses.js';
import { historyText } from './bundle-text.js';
import { FaceReader } from './face-reader.js';
import { handlingPreference } from './handling.js';
import { parseHistory } from './history-request.js';
import { decodePageMark, encodePageMark, PAGE_PARAMETER } from './page-mark.js';
import { isPresentation, presentationOf, sendJson } from './presentation.js';
import { type Pair, pairsOfUrl, queryText } from './query-pairs.js';
import type { HistoryScope } from './resource-reader.js';

/** https://hl7.org/fhir/R4B/http.html#history */
@Controller('fhir/:face')
export class HistoryController {
  constructor(
    private readonly addresses: Addresses,
    private readonly reader: FaceReader,
  ) {}

  @Get('_history')
  async ofAll(@Param() params: { face: string }, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const without = typesUnknownTo(this.addresses.face(params.face));
    await this.answer(params.face, { without }, request, reply);
  }

  @Get(':type/_history')
  async ofType(
    @Param() params: { face: string; type: string },
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.answer(params.face, { type: this.addresses.type(params.type) }, request, reply);
  }

  @Get(':type/:id/_history')
  async ofInstance(
    @Param() params: { face: string; type: string; id: string },
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const type = this.addresses.type(params.type);
    const id = this.addresses.id(type, params.id);
    if ((await this.reader.current(this.addresses.face(params.face), type, id)) === undefined)
      throw new FhirError('not-found', `There is no ${type}/${id}`);
    await this.answer(params.face, { type, id }, request, reply);
  }

  private async answer(faceName: string, scope: HistoryScope, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const face = this.addresses.face(faceName);
    const base = this.addresses.base(face);
    const pairs = pairsOfUrl(request.url);
    const presentation = presentationOf(request, pairs, face);
    const looks = pairs.filter(isPresentation);
    const asked = parseHistory(
      pairs.filter((pair) => !isPresentation(pair)),
      handlingPreference(request.headers.prefer),
    );
    const walk = JSON.stringify(['history', scope, asked.since, asked.at]);
    const page = await this.reader.history(face, scope, {
      since: asked.since,
      at: asked.at,
      count: asked.count,
      after: asked.page === undefined ? undefined : decodePageMark(asked.page, walk),
    });
    const path = [base, scope.type, scope.id, '_history'].filter((part) => part !== undefined).join('/');
    const link = (mark: string | undefined) => {
      const marked: Pair[] = mark === undefined ? [] : [[PAGE_PARAMETER, mark]];
      const query = queryText([...asked.used, ...looks, ...marked]);
      return query === '' ? path : `${path}?${query}`;
    };
    const text = historyText(base, {
      links: {
        self: link(asked.page),
        next: page.next === undefined ? undefined : link(encodePageMark(page.next, walk)),
      },
      total: page.total,
      at: new Date(),
      versions: page.versions,
    });
    sendJson(reply, text, presentation);
  }
}
