import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { faceOf } from './face.js';
import { negotiate } from './media-types.js';

/** Refuses what asks for an answer in a form the hub does not make, before anything is done. @throws FhirError 406 */
export class MediaTypeGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { face } = request.params as { face?: string };
    if (face !== undefined && request.url.startsWith('/fhir/')) {
      negotiate(request.headers.accept, formatOf(request), faceOf(face));
    }
    return true;
  }
}

/** `_format` of the query, the first where there are several. */
export function formatOf(request: Pick<FastifyRequest, 'query'>): string | undefined {
  const format = (request.query as Record<string, unknown> | undefined)?.['_format'];
  const first: unknown = Array.isArray(format) ? format[0] : format;
  return typeof first === 'string' ? first : undefined;
}
