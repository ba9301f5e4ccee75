import { FhirError } from '../fhir/fhir-error.js';

/** A Subscription that the hub would not honour as written: 422, with the element named. */
export function refused(
  expression: string,
  diagnostics: string,
  code: 'business-rule' | 'not-supported' = 'business-rule',
): FhirError {
  return new FhirError(code, diagnostics, expression, { status: 422 });
}
