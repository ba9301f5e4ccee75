import { Controller, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { FhirError } from '../../fhir/fhir-error.js';
import { type ParsedJson, parseBundle } from '../../fhir/json-text.js';
import { validateResource } from '../../fhir/validate-resource.js';
import { faceOf } from '../../http/face.js';
import { formatOf } from '../../http/media-type.guard.js';
import { negotiate } from '../../http/media-types.js';
import { returnPreference } from '../../http/prefer.js';
import { jsonBodyOf } from '../../http/request-body.js';
import { refuseIssues } from '../incoming-resource.js';
import { Batches } from './batch.js';
import { bundleAnswer } from './bundle-answer.js';
import { entriesOf } from './bundle-entries.js';
import { Transactions } from './transaction.js';

/** https://hl7.org/fhir/R4B/http.html#transaction */
@Controller('fhir')
export class BundleController {
  constructor(
    private readonly transactions: Transactions,
    private readonly batches: Batches,
  ) {}

  @Post(':face')
  @HttpCode(200)
  async accept(@Param('face') faceName: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const face = faceOf(faceName);
    const type = negotiate(request.headers.accept, formatOf(request), face);
    const bundle = parseBundle(jsonBodyOf(request, face));
    const kind = kindOf(bundle);
    // Resources of a batch are checked one by one later: one that is wrong must not stop the others.
    refuseIssues(validateResource(kind === 'batch' ? shellOf(bundle) : bundle.value));
    const entries = entriesOf(bundle);
    const header = request.headers.prefer;
    const preferHeader = Array.isArray(header) ? header.join(',') : header;
    const wishes = { prefer: returnPreference(header), preferHeader };
    const answers =
      kind === 'batch' ? await this.batches.run(face, entries, wishes) : await this.transactions.run(face, entries, wishes);
    void reply.header('Content-Type', type).send(bundleAnswer(`${kind}-response`, answers));
  }
}

function kindOf({ value }: ParsedJson): 'batch' | 'transaction' {
  const { resourceType, type } = value;
  if (typeof resourceType === 'string' && resourceType !== 'Bundle') {
    throw new FhirError('invalid', 'Only a Bundle is posted to the base; post other resources to their type', 'resourceType');
  }
  if (type === 'batch' || type === 'transaction') return type;
  refuseIssues(validateResource(value));
  throw new FhirError(
    'not-supported',
    `A Bundle posted to the base is a batch or a transaction; post this one to /Bundle to store it as it is`,
    'Bundle.type',
    { status: 422 },
  );
}

/** The Bundle without the resources in it. */
function shellOf({ value }: ParsedJson): Record<string, unknown> {
  const { entry } = value;
  if (!Array.isArray(entry)) return value;
  return { ...value, entry: entry.map(withoutResource) };
}

function withoutResource(entry: unknown): unknown {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return entry;
  const { resource: _, ...rest } = entry as Record<string, unknown>;
  return rest;
}
