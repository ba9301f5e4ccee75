import { FhirError } from '../fhir/fhir-error.js';
import { dateRange } from '../search/date-range.js';
import type { DateValue } from '../search/values.js';
import { readCount } from './page-size.js';
import { PAGE_PARAMETER } from './page-mark.js';
import type { Pair } from './query-pairs.js';

export interface HistoryRequest {
  since?: Date;
  at?: { low: Date; high: Date };
  count: number;
  /** The mark of a `next` link, still as text. */
  page?: string;
  /** What was understood, for the self link; without the page. */
  used: Pair[];
}

/**
 * The parameters of a history interaction, https://hl7.org/fhir/R4B/http.html#history
 * @throws FhirError 400 naming the parameter
 */
export function parseHistory(pairs: readonly Pair[], handling: 'strict' | 'lenient'): HistoryRequest {
  const request: HistoryRequest = { count: readCount(undefined), used: [] };
  const seen = new Set<string>();
  for (const pair of pairs) {
    const [name, value] = pair;
    if (!KNOWN.has(name)) {
      if (handling === 'strict') throw new FhirError('not-supported', `History has no parameter ${name} here`, name);
      continue;
    }
    if (seen.has(name)) throw new FhirError('value', `${name} is given twice`, name);
    seen.add(name);
    if (name === '_count') request.count = readCount(value);
    else if (name === '_since') request.since = new Date(readDate(name, value).low);
    else if (name === '_at') request.at = asDates(readDate(name, value));
    else request.page = value;
    if (name !== PAGE_PARAMETER) request.used.push(pair);
  }
  return request;
}

const KNOWN = new Set(['_count', '_since', '_at', PAGE_PARAMETER]);

function readDate(name: string, value: string): DateValue {
  const range = dateRange(value);
  if (range === undefined) {
    throw new FhirError('value', `"${value}" is not a date or time; write it as in 2026-03-01T10:00:00Z`, name);
  }
  return range;
}

function asDates({ low, high }: DateValue): { low: Date; high: Date } {
  return { low: new Date(low), high: new Date(high) };
}
