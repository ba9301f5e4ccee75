import type { Face } from './change.js';
import { FhirError } from './fhir-error.js';

/** Types that FHIR R4 does not know. What is stored of them has no address at the base of R4. */
const SINCE_R4B: ReadonlySet<string> = new Set([
  'AdministrableProductDefinition',
  'Citation',
  'ClinicalUseDefinition',
  'EvidenceReport',
  'Ingredient',
  'ManufacturedItemDefinition',
  'MedicinalProductDefinition',
  'NutritionProduct',
  'PackagedProductDefinition',
  'RegulatedAuthorization',
  'SubscriptionStatus',
  'SubscriptionTopic',
  'SubstanceDefinition',
]);

/** Whether the FHIR version of a face has a resource type of that name (of those that R4B has). */
export function isTypeOfFace(type: string, face: Face): boolean {
  return face === 'r4b' || !SINCE_R4B.has(type);
}

/** Types that are stored but have no address at a face. */
export function typesUnknownTo(face: Face): readonly string[] {
  return face === 'r4b' ? [] : [...SINCE_R4B];
}

/** @throws FhirError 404 that says where the type is served */
export function checkTypeOfFace(type: string, face: Face, where?: string): void {
  if (isTypeOfFace(type, face)) return;
  const instead =
    type === 'SubscriptionTopic'
      ? 'write topics at /fhir/r4b/SubscriptionTopic, and read them here as Basic?code=http://hl7.org/fhir/fhir-types|SubscriptionTopic'
      : `it is served at /fhir/r4b/${type}`;
  throw new FhirError('not-supported', `${type} is not a resource type of FHIR R4; ${instead}`, where, { status: 404 });
}
