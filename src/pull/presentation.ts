import type { FastifyReply, FastifyRequest } from 'fastify';

import type { Face } from '../fhir/change.js';
import { negotiate, type ReplyType } from '../http/media-types.js';
import { prettyJson } from '../http/pretty-json.js';
import type { Pair } from './query-pairs.js';

/** How an answer looks, and nothing about what it holds. */
export interface Presentation {
  contentType: ReplyType;
  pretty: boolean;
}

/**
 * Splits off how the answer is to look: `Accept`, `_format`, `_pretty`.
 * @throws FhirError 406
 */
export function presentationOf(request: FastifyRequest, pairs: readonly Pair[], face: Face): Presentation {
  const value = (wanted: string) => pairs.find(([name]) => name === wanted)?.[1];
  return { contentType: negotiate(request.headers.accept, value('_format'), face), pretty: value('_pretty') === 'true' };
}

/** Whether a parameter is one of presentation: it goes along in the links of a Bundle, but is no part of the query. */
export function isPresentation([name]: Pair): boolean {
  return name === '_format' || name === '_pretty';
}

/** Sends JSON text as it stands, or broken into lines where the client asked for that. */
export function sendJson(reply: FastifyReply, text: string, { contentType, pretty }: Presentation): void {
  void reply.header('content-type', contentType).send(pretty ? prettyJson(text) : text);
}
