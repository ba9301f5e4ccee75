import { FhirError } from '../fhir/fhir-error.js';

/** A bound of a range of event numbers. @throws FhirError 400 for what is no number */
export function boundOf(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined;
  const number = /^\d{1,19}$/.test(text) ? Number(text) : NaN;
  if (Number.isNaN(number)) throw new FhirError('value', `${name} is a number of an event, not "${text.slice(0, 50)}"`, name);
  // The largest 64-bit number is a usual way to say "to the end".
  return Math.min(number, Number.MAX_SAFE_INTEGER);
}
