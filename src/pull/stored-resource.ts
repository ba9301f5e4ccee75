import type { FastifyReply, FastifyRequest } from 'fastify';

import type { Change } from '../fhir/change.js';
import { FhirError } from '../fhir/fhir-error.js';
import { etagOf } from '../http/preconditions.js';
import { isFresh } from './freshness.js';
import { type Presentation, sendJson } from './presentation.js';

/**
 * Answers with one stored version: its text as it is, or 304 where the client has it already.
 * @throws FhirError 410 for a delete
 */
export function sendVersion(request: FastifyRequest, reply: FastifyReply, change: Change, presentation: Presentation): void {
  const etag = etagOf(change.version);
  const lastModified = change.at.toUTCString();
  if (change.body === null) {
    throw new FhirError('deleted', `${change.type}/${change.id} was deleted at ${change.at.toISOString()}`, undefined, {
      headers: { ETag: etag, 'Last-Modified': lastModified },
    });
  }
  void reply.header('etag', etag).header('last-modified', lastModified);
  if (isFresh(change, request.headers['if-none-match'], request.headers['if-modified-since'])) void reply.status(304).send();
  else sendJson(reply, change.body, presentation);
}
