import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { checkTypeOfFace } from '../fhir/face-types.js';
import { faceOf } from './face.js';

/** A face answers for the resource types that its FHIR version has, and for no others, as its metadata says. @throws FhirError 404 */
export class FaceTypesGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { face, type } = context.switchToHttp().getRequest<FastifyRequest>().params as { face?: string; type?: string };
    if (face !== undefined && type !== undefined) checkTypeOfFace(type, faceOf(face));
    return true;
  }
}
