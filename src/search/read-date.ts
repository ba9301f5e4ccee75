import type { JsonObject } from '../fhir/json-object.js';
import { dateRange } from './date-range.js';
import type { DateValue } from './values.js';

export type ReadDate = (node: unknown, sink: DateValue[]) => void;

/** How nodes of a type become ranges of time; undefined where the type has none. https://hl7.org/fhir/R4B/search.html#date */
export function dateReader(type: string): ReadDate | undefined {
  switch (type) {
    case 'date':
    case 'dateTime':
    case 'instant':
      return (node, sink) => push(sink, typeof node === 'string' ? dateRange(node) : undefined);
    case 'Period':
      return (node, sink) => push(sink, periodRange(node));
    case 'Timing':
      return (node, sink) => push(sink, timingRange(node));
    default:
      return undefined;
  }
}

function push(sink: DateValue[], range: DateValue | undefined): void {
  if (range) sink.push(range);
}

/** An absent end is open; a period without either end, or whose ends are no dates, is none. Ends that were swapped are its limits all the same. */
function periodRange(node: unknown): DateValue | undefined {
  const { start, end } = node as JsonObject;
  const from = typeof start === 'string' ? dateRange(start) : undefined;
  const to = typeof end === 'string' ? dateRange(end) : undefined;
  if (!from && !to) return undefined;
  if (from && to && from.low >= to.high) return { low: to.low, high: from.high };
  return { low: from?.low ?? -Infinity, high: to?.high ?? Infinity };
}

/** The outer limits of a Timing: its events and the bounds of its repetition; how it repeats in between is left aside. */
function timingRange(node: unknown): DateValue | undefined {
  const { event, repeat } = node as JsonObject;
  let low = Infinity;
  let high = -Infinity;
  const include = (range: DateValue | undefined) => {
    if (!range) return;
    low = Math.min(low, range.low);
    high = Math.max(high, range.high);
  };
  if (Array.isArray(event)) for (const moment of event) if (typeof moment === 'string') include(dateRange(moment));
  const bounds = (repeat as JsonObject | undefined)?.boundsPeriod;
  if (typeof bounds === 'object' && bounds !== null) include(periodRange(bounds));
  return low < high ? { low, high } : undefined;
}
