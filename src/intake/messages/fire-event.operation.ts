import { Controller, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { faceOf } from '../../http/face.js';
import { formatOf } from '../../http/media-type.guard.js';
import { negotiate } from '../../http/media-types.js';
import { jsonBodyOf } from '../../http/request-body.js';
import { readResource } from '../incoming-resource.js';
import { FiredEvents } from './fired-events.js';

/** The hub's own operation `$fire-event`: docs/messaging.md. */
@Controller('fhir/:face')
export class FireEventOperation {
  constructor(private readonly events: FiredEvents) {}

  @Post('$fire-event')
  @HttpCode(200)
  async fire(@Param('face') faceName: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const face = faceOf(faceName);
    const type = negotiate(request.headers.accept, formatOf(request), face);
    const id = await this.events.fire(face, readResource(jsonBodyOf(request, face), 'Parameters').value);
    const recorded = { name: 'message', valueReference: { reference: `MessageHeader/${id}` } };
    void reply.header('Content-Type', type).send(JSON.stringify({ resourceType: 'Parameters', parameter: [recorded] }));
  }
}
