import { FhirError } from '../fhir/fhir-error.js';
import { PAGE_PARAMETER } from './page-mark.js';
import type { Part } from './parameter-parts.js';
import { type Pair, queryText } from './query-pairs.js';

/** A number out of a page mark. @throws FhirError 400 */
export function placeOf(part: string | number | null | undefined): number {
  const place = Number(part ?? NaN);
  if (Number.isSafeInteger(place)) return place;
  throw new FhirError('value', `${PAGE_PARAMETER} is the mark of no page`, PAGE_PARAMETER);
}

/** The link to the next page, with what was asked and the mark of the place. */
export function nextPart(url: string, asked: { count?: string; page?: string }, mark: string | undefined): Part {
  if (mark === undefined) return undefined;
  const { count, page: _page, ...rest } = asked;
  const pairs = Object.entries({ ...rest, _count: count, [PAGE_PARAMETER]: mark }).filter(
    (pair): pair is [string, string] => pair[1] !== undefined,
  );
  return { name: 'next', valueUrl: `${url}?${queryText(pairs satisfies Pair[])}` };
}
