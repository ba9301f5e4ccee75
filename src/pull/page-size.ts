import { FhirError } from '../fhir/fhir-error.js';

export const DEFAULT_COUNT = 50;
export const MOST_COUNT = 1000;

/**
 * `_count` of a history page.
 * @throws FhirError 400
 */
export function readCount(value: string | undefined): number {
  if (value === undefined) return DEFAULT_COUNT;
  const count = /^\d{1,9}$/.test(value) ? Number(value) : NaN;
  if (count >= 1 && count <= MOST_COUNT) return count;
  throw new FhirError('value', `_count must be a whole number from 1 to ${String(MOST_COUNT)}, not "${value}"`, '_count');
}
