import type { Face } from '../fhir/change.js';
import { isTypeOfFace } from '../fhir/face-types.js';
import { FhirError } from '../fhir/fhir-error.js';
import { baseOf, faceOf } from '../http/face.js';
import { refusedMethod } from '../http/refused-route.js';

/** What the hub is called and which resource types it holds: what a controller needs to read an address and to write one. */
export class Addresses {
  constructor(
    private readonly publicUrl: string,
    private readonly isResourceType: (name: string) => boolean,
    private readonly types: readonly string[] = [],
  ) {}

  face(name: string): Face {
    return faceOf(name);
  }

  /** FHIR base of a face, without trailing slash. */
  base(face: Face): string {
    return baseOf(this.publicUrl, face);
  }

  /** The types whose resources have an address in a face. */
  typesOf(face: Face): readonly string[] {
    return this.types.filter((type) => isTypeOfFace(type, face));
  }

  /** @throws FhirError 404 */
  type(name: string): string {
    if (this.isResourceType(name)) return name;
    throw new FhirError('not-supported', `"${name}" is not a resource type of this server`, undefined, { status: 404 });
  }

  /** @throws FhirError 404 or 405 */
  id(type: string, name: string): string {
    if (ID.test(name)) return name;
    if (POSTED.has(name)) throw refusedMethod('GET', ['POST']);
    if (name.startsWith('$'))
      throw new FhirError('not-supported', `${type} has no operation ${name} here`, undefined, { status: 404 });
    throw new FhirError('not-found', `"${name}" is not an id, so there is no such ${type}`);
  }
}

/** What stands where an id could, and is asked for by POST alone. */
const POSTED: ReadonlySet<string> = new Set(['_search', '$validate', '$meta-add', '$meta-delete']);
const ID = /^[A-Za-z0-9\-.]{1,64}$/;
