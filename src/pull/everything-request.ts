import { isTypeOfFace } from '../fhir/face-types.js';
import type { Face } from '../fhir/change.js';
import { FhirError } from '../fhir/fhir-error.js';
import { dateRange } from '../search/date-range.js';
import type { DateValue } from '../search/values.js';
import type { OperationInput } from './operation-input.js';
import { instantOf } from './operation-values.js';
import { PAGE_PARAMETER } from './page-mark.js';
import { readCount } from './page-size.js';
import type { Pair } from './query-pairs.js';

/** Resources of one answer where no `_count` is given: the standard asks for everything at once, memory for an end. */
const MOST_UNASKED = 5000;

export interface EverythingRequest {
  count: number;
  since?: Date;
  /** Only resources of these types. */
  types?: readonly string[];
  /** Only care of this time. */
  period?: DateValue;
  /** The mark of a `next` link, still as text. */
  page?: string;
  /** What belongs in links, the page apart. */
  used: Pair[];
}

/** @throws FhirError 400 naming the parameter */
export function everythingRequest(
  input: OperationInput,
  face: Face,
  isResourceType: (name: string) => boolean,
): EverythingRequest {
  const single = (name: string) => input.single(name);
  const types = input.list('_type');
  for (const type of types) {
    if (!isResourceType(type) || !isTypeOfFace(type, face))
      throw new FhirError('value', `"${type.slice(0, 100)}" is not a resource type of this server`, '_type');
  }
  const [start, end, since, count] = [single('start'), single('end'), single('_since'), single('_count')];
  const period = start === undefined && end === undefined ? undefined : periodOf(start, end);
  const written = { start, end, _since: since, _type: types.join(',') || undefined, _count: count };
  return {
    count: count === undefined ? MOST_UNASKED : readCount(count),
    since: instantOf(since, '_since'),
    types: types.length === 0 ? undefined : types,
    period,
    page: single(PAGE_PARAMETER),
    used: Object.entries(written).flatMap(([name, value]): Pair[] => (value === undefined ? [] : [[name, value]])),
  };
}

function periodOf(start: string | undefined, end: string | undefined): DateValue {
  const low = start === undefined ? -Infinity : dayOf(start, 'start').low;
  const high = end === undefined ? Infinity : dayOf(end, 'end').high;
  if (low >= high) throw new FhirError('value', 'end is before start', 'end');
  return { low, high };
}

function dayOf(text: string, name: string): DateValue {
  const range = /^\d{4}(-\d\d(-\d\d)?)?$/.test(text) ? dateRange(text) : undefined;
  if (range !== undefined) return range;
  throw new FhirError('value', `${name} is a date, as in 2026-03-01, not "${text.slice(0, 50)}"`, name);
}

export const EVERYTHING_INPUT: readonly string[] = ['_since', '_type', '_count', PAGE_PARAMETER];
