import { FhirError } from '../fhir/fhir-error.js';

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

/** @throws FhirError 400 naming the parameter */
export function instantOf(written: string | undefined, name: string): Date | undefined {
  if (written === undefined) return undefined;
  // A plus sign in a URL that was not escaped arrives as a space.
  const text = written.replace(/ (?=\d\d:\d\d$)/, '+');
  const date = new Date(INSTANT.test(text) ? text : NaN);
  if (Number.isNaN(date.getTime())) throw new FhirError('value', `${name} is an instant, not "${written.slice(0, 50)}"`, name);
  return date;
}

/** @throws FhirError 400 naming the parameter */
export function flagOf(written: string | undefined, name: string): boolean | undefined {
  if (written === undefined) return undefined;
  if (written === 'true' || written === 'false') return written === 'true';
  throw new FhirError('value', `${name} is true or false, not "${written.slice(0, 50)}"`, name);
}
