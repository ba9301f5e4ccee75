import type { FastifyReply, FastifyRequest } from 'fastify';

import type { Face } from '../fhir/change.js';
import { FhirError, type Issue } from '../fhir/fhir-error.js';
import type { CurrentParameters } from '../search/custom/current-parameters.js';
import type { SearchSemantics } from '../search/search-semantics.js';
import type { Addresses } from './addresses.js';
import { searchsetText } from './bundle-text.js';
import type { FaceReader } from './face-reader.js';
import { handlingPreference } from './handling.js';
import { MOST_INCLUDED, MOST_ROUNDS } from './include-resources.js';
import { decodePageMark, encodePageMark, PAGE_PARAMETER } from './page-mark.js';
import { knownPlaces } from './places.js';
import { presentationOf, sendJson } from './presentation.js';
import { type Pair, pairsOfForm, pairsOfUrl, queryText } from './query-pairs.js';
import { readSearch, type SearchScope } from './search-request.js';
import { storedTerms } from './stored-terms.js';
import { ofIncluded, subsetChange } from './subset-resource.js';
import { takeTypes } from './search-types.js';

/** Reads a search, of whatever scope, from its request and answers with a searchset Bundle. */
export class SearchAnswers {
  constructor(
    private readonly addresses: Addresses,
    private readonly semantics: SearchSemantics,
    private readonly reader: FaceReader,
    private readonly parameters: CurrentParameters,
  ) {}

  /** @throws FhirError 4xx naming the parameter */
  async send(face: Face, scope: SearchScope, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const pairs = [...pairsOfUrl(request.url), ...(request.method === 'POST' ? formOf(request) : [])];
    const base = this.addresses.base(face);
    const presentation = presentationOf(request, pairs, face);
    const known = await this.known(face, scope.types, pairs);
    const handling = handlingPreference(request.headers.prefer);
    const text = await this.parameters.ask(
      () => readSearch(this.semantics, scope, pairs, handling, known),
      ({ queries }) => queries,
      (search) => this.answer(face, base, scope.path, search),
    );
    sendJson(reply, text, presentation);
  }

  /** The same where `_type` may say which of the scope's types are meant. */
  async sendTyped(face: Face, scope: SearchScope, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const pairs = [...pairsOfUrl(request.url), ...(request.method === 'POST' ? formOf(request) : [])];
    const { types, typePairs, others } = takeTypes(pairs, scope.types);
    const presentation = presentationOf(request, pairs, face);
    const known = await this.known(face, types, others);
    const handling = handlingPreference(request.headers.prefer);
    const text = await this.parameters.ask(
      () => readSearch(this.semantics, { ...scope, types }, others, handling, known),
      ({ queries }) => queries,
      (search) => {
        const used = [...typePairs, ...search.used];
        const walk = JSON.stringify([search.walk, typePairs]);
        return this.answer(face, this.addresses.base(face), scope.path, { ...search, used, walk });
      },
    );
    sendJson(reply, text, presentation);
  }

  /** What of the store has to be known before a search can be read. */
  private async known(face: Face, types: readonly string[], pairs: readonly Pair[]) {
    return {
      terminology: await storedTerms(this.reader, this.semantics, face, pairs),
      places: await knownPlaces(this.reader, this.semantics, face, types, pairs),
    };
  }

  private async answer(
    face: Face,
    base: string,
    path: string,
    { queries, count, page, used, walk, warnings }: ReturnType<typeof readSearch>,
  ): Promise<string> {
    const [query] = queries;
    const after = page === undefined ? undefined : decodePageMark(page, walk);
    const found = await this.reader.searchAll(face, queries, { count, after });
    const { resources: included, truncated } = await this.reader.include(face, query, found.matches);
    const address = path === '' ? base : `${base}/${path}`;
    const link = (mark: string | undefined) => {
      const marked: Pair[] = mark === undefined ? [] : [[PAGE_PARAMETER, mark]];
      const text = queryText([...used, ...marked]);
      return text === '' ? address : `${address}?${text}`;
    };
    return searchsetText(base, {
      links: { self: link(page), next: found.next === undefined ? undefined : link(encodePageMark(found.next, walk)) },
      total: found.total,
      at: new Date(),
      matches: found.matches.map((match) => subsetChange(match, query.subset)),
      included: included.map((resource) => subsetChange(resource, ofIncluded(query.subset))),
      warnings: truncated ? [...warnings, INCLUDED_IN_PART] : warnings,
    });
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
