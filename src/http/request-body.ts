import { FhirError } from '../fhir/fhir-error.js';
import type { Face } from '../fhir/change.js';
import { checkContentType } from './media-types.js';

interface IncomingBody {
  headers: { 'content-type'?: string; 'content-encoding'?: string };
  body: unknown;
}

/**
 * The bytes of a JSON body.
 * @throws FhirError 415 for another media type, 400 for an empty body
 */
export function jsonBodyOf(request: IncomingBody, face: Face, readable?: readonly string[]): Buffer {
  const { body } = request;
  if (!Buffer.isBuffer(body) || body.length === 0) {
    throw new FhirError('required', 'The body is empty; send one resource as JSON');
  }
  checkContentType(request.headers['content-type'], face, readable);
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') {
    throw new FhirError(
      'not-supported',
      'Bodies are read plain or packed by gzip; send this one without Content-Encoding',
      'Content-Encoding',
      {
        status: 415,
      },
    );
  }
  return body;
}
