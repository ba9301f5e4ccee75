import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { FhirError } from '../fhir/fhir-error.js';
import { Addresses } from './addresses.js';
import { MetadataText } from './metadata-text.js';
import { presentationOf, sendJson } from './presentation.js';
import { pairsOfUrl } from './query-pairs.js';

/** https://hl7.org/fhir/R4B/http.html#capabilities */
@Controller('fhir/:face/metadata')
export class MetadataController {
  constructor(
    private readonly addresses: Addresses,
    private readonly metadata: MetadataText,
  ) {}

  @Get()
  async capabilities(@Param('face') faceName: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const face = this.addresses.face(faceName);
    const pairs = pairsOfUrl(request.url);
    const presentation = presentationOf(request, pairs, face);
    const mode = pairs.find(([name]) => name === 'mode')?.[1] ?? 'full';
    if (mode !== 'full' && mode !== 'normative') {
      throw new FhirError('not-supported', `There is no statement of mode "${mode}" here; there are full and normative`, 'mode');
    }
    sendJson(reply, await this.metadata.of(face), presentation);
  }
}
