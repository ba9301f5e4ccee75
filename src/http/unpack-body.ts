import { gunzip } from 'node:zlib';
import type { FastifyRequest } from 'fastify';
import { FhirError } from '../fhir/fhir-error.js';

/**
 * For Fastify's parsers of bodies: what came packed by gzip is unpacked, up to as many bytes as a body may have at all, by the threads of
 * zlib. Other codings stay as they are, for those who read the body to refuse.
 */
export function unpackBody(most: number) {
  return (request: FastifyRequest, body: Buffer, done: (error: Error | null, body?: Buffer) => void): void => {
    const coding = request.headers['content-encoding']?.toLowerCase();
    if ((coding !== 'gzip' && coding !== 'x-gzip') || body.length === 0) return done(null, body);
    gunzip(body, { maxOutputLength: most }, (error, unpacked) => {
      delete request.headers['content-encoding'];
      if (error === null) done(null, unpacked);
      else if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
        done(
          new FhirError('too-long', `The body is larger than the ${most} bytes allowed once it is unpacked`, 'Content-Encoding'),
        );
      else done(new FhirError('invalid', 'The body is not what gzip makes', 'Content-Encoding'));
    });
  };
}
