import { Controller, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { FhirError, type Issue } from '../fhir/fhir-error.js';
import { SearchSemantics } from '../search/search-semantics.js';
import { Addresses } from './addresses.js';
import { searchsetText } from './bundle-text.js';
import { FaceReader } from './face-reader.js';
import { handlingPreference } from './handling.js';
import { MOST_INCLUDED, MOST_ROUNDS } from './include-resources.js';
import { decodePageMark, encodePageMark, PAGE_PARAMETER } from './page-mark.js';
import { presentationOf, sendJson } from './presentation.js';
import { type Pair, pairsOfForm, pairsOfUrl, queryText } from './query-pairs.js';
import { readSearch } from './search-request.js';
import { storedTerms } from './stored-terms.js';
import { ofIncluded, subsetChange } from './subset-resource.js';

/** https://hl7.org/fhir/R4B/http.html#search */
@Controller('fhir/:face/:type')
export class SearchController {
  constructor(
    private readonly addresses: Addresses,
    private readonly semantics: SearchSemantics,
    private readonly reader: FaceReader,
  ) {}

  @Get()
  async byUrl(
    @Param() params: { face: string; type: string },
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.answer(params, pairsOfUrl(request.url), request, reply);
  }

  /** The parameters of the URL and of the form count together. */
  @Post('_search')
  @HttpCode(200)
  async byForm(
    @Param() params: { face: string; type: string },
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.answer(params, [...pairsOfUrl(request.url), ...formOf(request)], request, reply);
  }

  private async answer(
    params: { face: string; type: string },
    pairs: readonly Pair[],
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const face = this.addresses.face(params.face);
    const base = this.addresses.base(face);
    const type = this.addresses.type(params.type);
    const presentation = presentationOf(request, pairs, face);
    const { query, count, page, used, walk, warnings } = readSearch(
      this.semantics,
      type,
      pairs,
      handlingPreference(request.headers.prefer),
      await storedTerms(this.reader, this.semantics, face, pairs),
    );
    const after = page === undefined ? undefined : decodePageMark(page, walk);
    const found = await this.reader.search(face, query, { count, after });
    const { resources: included, truncated } = await this.reader.include(face, query, found.matches);
    const link = (mark: string | undefined) => {
      const marked: Pair[] = mark === undefined ? [] : [[PAGE_PARAMETER, mark]];
      const text = queryText([...used, ...marked]);
      return text === '' ? `${base}/${type}` : `${base}/${type}?${text}`;
    };
    const text = searchsetText(base, {
      links: { self: link(page), next: found.next === undefined ? undefined : link(encodePageMark(found.next, walk)) },
      total: found.total,
      at: new Date(),
      matches: found.matches.map((match) => subsetChange(match, query.subset)),
      included: included.map((resource) => subsetChange(resource, ofIncluded(query.subset))),
      warnings: truncated ? [...warnings, INCLUDED_IN_PART] : warnings,
    });
    sendJson(reply, text, presentation);
  }
}

const INCLUDED_IN_PART: Issue = {
  severity: 'warning',
  code: 'too-costly',
  diagnostics: `More resources are linked with this page than go along with one (${String(MOST_INCLUDED)}, by ${String(MOST_ROUNDS)} steps); the rest was left out. Ask for smaller pages by _count, or search for them.`,
};

const FORM = /^application\/x-www-form-urlencoded\s*(;|$)/i;
const LONGEST_FORM = 262_144;

function formOf(request: FastifyRequest): Pair[] {
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  if (body.length === 0) return [];
  if (!FORM.test(request.headers['content-type'] ?? '')) {
    throw new FhirError(
      'not-supported',
      'The parameters of _search are sent as application/x-www-form-urlencoded',
      'Content-Type',
      {
        status: 415,
      },
    );
  }
  if (body.length > LONGEST_FORM) throw new FhirError('too-long', `A form of at most ${String(LONGEST_FORM)} bytes is read here`);
  return pairsOfForm(body.toString('utf8'));
}
