import { Controller, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { FhirError } from '../../fhir/fhir-error.js';
import { faceOf } from '../../http/face.js';
import { formatOf } from '../../http/media-type.guard.js';
import { negotiate } from '../../http/media-types.js';
import { jsonBodyOf } from '../../http/request-body.js';
import { readBundle } from '../incoming-resource.js';
import { Messages } from './messages.js';

/** http://hl7.org/fhir/OperationDefinition/MessageHeader-process-message, answered in the same exchange. */
@Controller('fhir/:face')
export class ProcessMessageOperation {
  constructor(private readonly messages: Messages) {}

  @Post('$process-message')
  @HttpCode(200)
  async process(@Param('face') faceName: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const face = faceOf(faceName);
    const type = negotiate(request.headers.accept, formatOf(request), face);
    refuseAsync(request.query as Record<string, unknown>);
    const response = await this.messages.process(face, readBundle(jsonBodyOf(request, face)));
    void reply.header('Content-Type', type).send(response);
  }
}

/** A sender who waits for a reply at another address would wait in vain. */
function refuseAsync(query: Record<string, unknown>): void {
  if (query.async !== undefined && query.async !== 'false')
    throw new FhirError('not-supported', 'The hub answers messages in the same exchange; leave async out', 'async');
  if (query['response-url'] !== undefined)
    throw new FhirError('not-supported', 'The hub answers messages in the same exchange; it sends no replies', 'response-url');
}
