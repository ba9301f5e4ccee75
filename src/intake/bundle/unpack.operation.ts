import { Controller, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { faceOf } from '../../http/face.js';
import { formatOf } from '../../http/media-type.guard.js';
import { negotiate } from '../../http/media-types.js';
import { returnPreference } from '../../http/prefer.js';
import { checkId } from '../incoming-resource.js';
import { bundleAnswer } from './bundle-answer.js';
import { Unpacking } from './unpacking.js';

/** https://carillon.example/fhir/OperationDefinition/bundle-unpack, docs/resource-operations.md */
@Controller('fhir/:face/Bundle/:id')
export class UnpackOperation {
  constructor(private readonly unpacking: Unpacking) {}

  @Post('$unpack')
  @HttpCode(200)
  async unpack(
    @Param() params: { face: string; id: string },
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const face = faceOf(params.face);
    checkId(params.id);
    const type = negotiate(request.headers.accept, formatOf(request), face);
    const answers = await this.unpacking.run(face, params.id, { prefer: returnPreference(request.headers.prefer) });
    void reply.header('Content-Type', type).send(bundleAnswer('transaction-response', answers));
  }
}
