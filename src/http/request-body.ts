import { FhirError } from '../fhir/fhir-error.js';
import type { Face } from '../fhir/change.js';
import { checkContentType } from './media-types.js';

interface IncomingBody {
  headers: { 'content-type'?: string };
  body: unknown;
}

/**
 * The bytes of a JSON body.
 * @throws FhirError 415 for another media type, 400 for an empty body
 */
export function jsonBodyOf(request: IncomingBody, face: Face): Buffer {
  const { body } = request;
  if (!Buffer.isBuffer(body) || body.length === 0) {
    throw new FhirError('required', 'The body is empty; send one resource as JSON');
  }
  checkContentType(request.headers['content-type'], face);
  return body;
}
