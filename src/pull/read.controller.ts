import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { FhirError } from '../fhir/fhir-error.js';
import { subsetOfRead } from '../search/read-subset.js';
import { Addresses } from './addresses.js';
import { FaceReader } from './face-reader.js';
import { presentationOf } from './presentation.js';
import { pairsOfUrl } from './query-pairs.js';
import { sendVersion } from './stored-resource.js';
import { subsetChange } from './subset-resource.js';

/** https://hl7.org/fhir/R4B/http.html#read */
@Controller('fhir/:face/:type')
export class ReadController {
  constructor(
    private readonly addresses: Addresses,
    private readonly reader: FaceReader,
  ) {}

  @Get(':id')
  async read(
    @Param() params: { face: string; type: string; id: string },
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const face = this.addresses.face(params.face);
    const type = this.addresses.type(params.type);
    const id = this.addresses.id(type, params.id);
    const pairs = pairsOfUrl(request.url);
    const presentation = presentationOf(request, pairs, face);
    const subset = subsetOfRead(pairs);
    const change = await this.reader.current(face, type, id);
    if (change === undefined) throw new FhirError('not-found', `There is no ${type}/${id}`);
    sendVersion(request, reply, subsetChange(change, subset), presentation);
  }
}
