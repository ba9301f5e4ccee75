import { Controller, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { checkTypeOfFace } from '../fhir/face-types.js';
import { FhirError } from '../fhir/fhir-error.js';
import { Compartments } from '../search/compartments.js';
import { Addresses } from './addresses.js';
import { SearchAnswers } from './search-answers.js';
import type { SearchScope } from './search-request.js';

const ALL = '*';

/** Searches in what belongs to a patient, an encounter and so on. https://hl7.org/fhir/R4B/search.html#vs-comp */
@Controller('fhir/:face/:type/:id')
export class CompartmentController {
  constructor(
    private readonly addresses: Addresses,
    private readonly compartments: Compartments,
    private readonly answers: SearchAnswers,
  ) {}

  @Get(':inner')
  async byUrl(@Param() params: Params, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.answer(params, request, reply);
  }

  @Post(':inner/_search')
  @HttpCode(200)
  async byForm(@Param() params: Params, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.answer(params, request, reply);
  }

  @Post('_search')
  @HttpCode(200)
  async allByForm(@Param() params: Params, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.answer({ ...params, inner: ALL }, request, reply);
  }

  private async answer({ face: faceName, type, id, inner }: Params, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const face = this.addresses.face(faceName);
    const compartment = this.addresses.type(type);
    if (inner.startsWith('$') || inner.startsWith('_'))
      throw new FhirError('not-supported', `${type} has no operation ${inner.slice(0, 60)} here`, undefined, { status: 404 });
    if (inner !== ALL) checkTypeOfFace(this.addresses.type(inner), face);
    const members = this.compartments.typesOf(compartment);
    if (members.length === 0)
      throw new FhirError(
        'not-supported',
        `There is no compartment of ${compartment}; there is one of ${this.compartments.names().join(', ')}`,
        undefined,
        { status: 404 },
      );
    const ofFace = this.addresses.typesOf(face).filter((each) => each === compartment || members.includes(each));
    if (inner !== ALL && !ofFace.includes(inner))
      throw new FhirError('not-supported', `No ${inner} belongs to the compartment of ${compartment}`, undefined, {
        status: 404,
      });
    const owner = this.addresses.id(compartment, id);
    const scope: SearchScope = {
      types: inner === ALL ? ofFace : [inner],
      path: `${compartment}/${owner}/${inner}`,
      within: (each) => ({
        ids: each === compartment ? [owner] : [],
        keys: this.compartments.keysOf(compartment, owner, [each]),
      }),
    };
    await (inner === ALL ? this.answers.sendTyped(face, scope, request, reply) : this.answers.send(face, scope, request, reply));
  }
}

interface Params {
  face: string;
  /** The compartment. */
  type: string;
  id: string;
  /** The type searched for, or `*`. */
  inner: string;
}
