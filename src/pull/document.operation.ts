import { Controller, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { FhirError } from '../fhir/fhir-error.js';
import { etagOf } from '../http/preconditions.js';
import { Addresses } from './addresses.js';
import { Documents } from './documents.js';
import { operationInput } from './operation-input.js';
import { flagOf } from './operation-values.js';
import { presentationOf, sendJson } from './presentation.js';
import { pairsOfUrl } from './query-pairs.js';

interface Place {
  face: string;
  id: string;
}

/** http://hl7.org/fhir/OperationDefinition/Composition-document, docs/resource-operations.md */
@Controller('fhir/:face/Composition/:id')
export class DocumentOperation {
  constructor(
    private readonly addresses: Addresses,
    private readonly documents: Documents,
  ) {}

  @Get('$document')
  get(@Param() place: Place, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.document(place, request, reply);
  }

  @Post('$document')
  @HttpCode(200)
  post(@Param() place: Place, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.document(place, request, reply);
  }

  private async document(place: Place, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const face = this.addresses.face(place.face);
    const id = this.addresses.id('Composition', place.id);
    const base = this.addresses.base(face);
    const persist = flagOf(operationInput(request, face, ['persist']).single('persist'), 'persist') ?? false;
    if (persist && request.method !== 'POST')
      throw new FhirError('not-supported', 'A GET stores nothing; ask by POST for a document that is stored', 'persist', {
        status: 405,
        headers: { Allow: 'POST' },
      });
    const presentation = presentationOf(request, pairsOfUrl(request.url), face);
    const { text, stored } = await this.documents.of(face, base, id, persist);
    if (stored !== undefined) {
      const { type, id: bundleId, version, at } = stored;
      void reply
        .header('location', `${base}/${type}/${bundleId}/_history/${version}`)
        .header('etag', etagOf(version))
        .header('last-modified', at.toUTCString());
    }
    sendJson(reply.status(200), text, presentation);
  }
}
