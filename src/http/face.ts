import type { Face } from '../fhir/change.js';
import { FhirError } from '../fhir/fhir-error.js';

/** The value of the MIME parameter `fhirVersion` that each face speaks. https://hl7.org/fhir/R4B/versions.html#mt-version */
export const FHIR_VERSION_OF_FACE: Readonly<Record<Face, string>> = { r4b: '4.3', r4: '4.0' };

/**
 * The face named in the path.
 * @throws FhirError 404
 */
export function faceOf(parameter: string): Face {
  if (parameter === 'r4b' || parameter === 'r4') return parameter;
  throw new FhirError('not-found', 'There is no FHIR base here; the bases are /fhir/r4b and /fhir/r4');
}

/** Where a face is served: absolute, without a trailing slash. */
export function baseOf(publicUrl: string, face: Face): string {
  return `${publicUrl}/fhir/${face}`;
}
