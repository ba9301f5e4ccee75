import type { Change, Face } from '../fhir/change.js';
import { parseExact, stringifyExact } from '../fhir/exact-json.js';
import { isTypeOfFace } from '../fhir/face-types.js';
import { FhirError } from '../fhir/fhir-error.js';
import { type MemberSpan, membersOf } from '../fhir/json-members.js';
import { parseJson } from '../fhir/json-text.js';
import type { FaceReader } from './face-reader.js';
import type { Meta } from './labels.js';
import type { MetaInUse } from './meta-in-use.js';
import type { ResourceWrites } from './resource-writes.js';

/** Tries to change a resource that others change at the same time. */
const ATTEMPTS = 5;

export interface ResourceAddress {
  face: Face;
  type: string;
  id: string;
}

/** What resources are labelled with, asked and changed without the rest of them. Answers are Parameters, as JSON text. */
export class Metas {
  constructor(
    private readonly reader: FaceReader,
    private readonly inUse: MetaInUse,
    private readonly writes: ResourceWrites,
    private readonly types: readonly string[],
  ) {}

  /** The Meta of a resource, or of one of its versions, as it is stored. @throws FhirError 404, 410 */
  async ofResource({ face, type, id }: ResourceAddress, version?: number): Promise<string> {
    const change =
      version === undefined ? await this.reader.current(face, type, id) : await this.reader.version(face, type, id, version);
    return answerOf(metaTextOf(bodyOf(change, `${type}/${id}${version === undefined ? '' : `/_history/${version}`}`)));
  }

  /** Every label that some current resource of the type bears, or of any type. @throws FhirError 503 */
  async ofAll(face: Face, type?: string): Promise<string> {
    const types = type === undefined ? this.types.filter((one) => isTypeOfFace(one, face)) : [type];
    const { profile, security, tag } = await this.inUse.of(types);
    const sets = Object.entries({ profile, security, tag }).filter(([, list]) => list.length > 0);
    return sets.length === 0 ? '{"resourceType":"Parameters"}' : answerOf(JSON.stringify(Object.fromEntries(sets)));
  }

  /**
   * Stores the resource with a changed Meta as its next version; where nothing changes there is none. The rest of its text stays as it is.
   * @param ifMatch the only version that may be changed
   * @throws FhirError 404, 410, 412; 409 where others change it without end
   */
  async change(address: ResourceAddress, changed: (meta: Meta) => Meta, ifMatch?: number): Promise<string> {
    const { face, type, id } = address;
    for (let attempt = 1; ; attempt += 1) {
      const current = await this.reader.current(face, type, id);
      const body = bodyOf(current, `${type}/${id}`);
      const next = parseJson(withMeta(body, changed));
      try {
        const stored = await this.writes.update(face, type, id, next, ifMatch ?? current!.version);
        return answerOf(metaTextOf(stored.body ?? ''));
      } catch (error) {
        if (ifMatch !== undefined || !(error instanceof FhirError) || error.status !== 412) throw error;
        if (attempt >= ATTEMPTS) throw new FhirError('conflict', `${type}/${id} is being changed by others; ask again`);
      }
    }
  }
}

function bodyOf(change: Change | undefined, name: string): string {
  if (change === undefined) throw new FhirError('not-found', `There is no ${name}`);
  if (change.body === null) throw new FhirError('deleted', `${name} was deleted at ${change.at.toISOString()}`);
  return change.body;
}

/** The Meta of a stored text; the hub puts one into every resource. */
function metaSpan(body: string): MemberSpan {
  return membersOf(body, 0, (name) => name === 'meta').find(({ name }) => name === 'meta')!;
}

function metaTextOf(body: string): string {
  const { valueStart, end } = metaSpan(body);
  return body.slice(valueStart, end);
}

function withMeta(body: string, changed: (meta: Meta) => Meta): string {
  const { valueStart, end } = metaSpan(body);
  const meta = changed(parseExact(body.slice(valueStart, end)) as Meta);
  return body.slice(0, valueStart) + stringifyExact(meta) + body.slice(end);
}

function answerOf(meta: string): string {
  return `{"resourceType":"Parameters","parameter":[{"name":"return","valueMeta":${meta}}]}`;
}
