import { FhirError } from '../fhir/fhir-error.js';
import type { Standing } from '../subscriptions/event-log.js';
import { latestNumber, stretchesOf } from '../subscriptions/segments.js';
import { boundOf } from './event-bounds.js';
import { instantOf } from './operation-values.js';
import type { EventNumbers } from './replays.js';

/** Bounds of a range of events, each included; all that are given must hold. As they were written. */
export interface ResendRange {
  sinceNumber?: string;
  untilNumber?: string;
  sinceInstant?: string;
  untilInstant?: string;
}

export const RANGE_INPUT = ['eventsSinceNumber', 'eventsUntilNumber', 'eventsSinceInstant', 'eventsUntilInstant'] as const;

export interface AskedRange {
  since: number;
  until?: number;
  from?: Date;
  to?: Date;
}

/** What of a range can be sent. */
export interface KeptRange extends EventNumbers {
  /** Events of it that are kept. */
  count: number;
  /** What is no longer kept of it, as a sentence. */
  missing?: string;
}

/** @throws FhirError 400 naming the parameter */
export function parseRange({ sinceNumber, untilNumber, sinceInstant, untilInstant }: ResendRange): AskedRange {
  const since = Math.max(1, boundOf(sinceNumber, 'eventsSinceNumber') ?? 1);
  const until = boundOf(untilNumber, 'eventsUntilNumber');
  if (until !== undefined && since > until)
    throw new FhirError('value', `eventsSinceNumber ${since} lies after eventsUntilNumber ${until}`, 'eventsSinceNumber');
  const from = instantOf(sinceInstant, 'eventsSinceInstant');
  const to = instantOf(untilInstant, 'eventsUntilInstant');
  if (from && to && from > to)
    throw new FhirError('value', 'eventsSinceInstant lies after eventsUntilInstant', 'eventsSinceInstant');
  return { since, until, from, to };
}

/**
 * The part of a range that there is something of. `between`: the numbers of the events in the period asked for, if one was.
 * @throws FhirError 400 for a number that was never given out, 404 where nothing of it is kept
 */
export function keptRange(
  { since, until, from, to }: AskedRange,
  standing: Pick<Standing, 'segments' | 'groupLastN'> | undefined,
  between: EventNumbers | undefined,
): KeptRange {
  const { segments, groupLastN } = standing ?? { segments: [], groupLastN: 0 };
  const latest = latestNumber(segments, groupLastN);
  if (since > latest)
    throw new FhirError('value', `There is no event ${since} yet; the newest has number ${latest}`, 'eventsSinceNumber');
  const inPeriod = from || to ? between : { first: 1, last: latest };
  const asked = {
    first: Math.max(since, inPeriod?.first ?? Infinity),
    last: Math.min(until ?? latest, latest, inPeriod?.last ?? 0),
  };
  const stretches = asked.first <= asked.last ? stretchesOf(segments, asked, groupLastN) : [];
  const kept = stretches.map(({ firstNumber, afterN, untilN }) => ({
    first: firstNumber,
    last: firstNumber + untilN - afterN - 1,
  }));
  const missing = missingText(kept, asked);
  const [first, last] = [kept[0]?.first, kept.at(-1)?.last];
  if (first === undefined || last === undefined)
    throw new FhirError('not-found', missing ?? 'No event that is still kept lies in this range');
  return { first, last, count: kept.reduce((sum, one) => sum + one.last - one.first + 1, 0), missing };
}

const MOST_NAMED = 5;

/** What lies between those kept, and before and behind them, in the range asked for. */
function missingText(kept: readonly EventNumbers[], asked: EventNumbers): string | undefined {
  const gaps: EventNumbers[] = [];
  let next = asked.first;
  for (const { first, last } of [...kept, { first: asked.last + 1, last: asked.last }]) {
    if (first > next) gaps.push({ first: next, last: first - 1 });
    next = last + 1;
  }
  if (gaps.length === 0) return undefined;
  const named = gaps.slice(0, MOST_NAMED).map(rangeText);
  const more = gaps.length > MOST_NAMED ? ` and ${gaps.length - MOST_NAMED} more stretches` : '';
  const one = gaps.length === 1 && gaps[0]!.first === gaps[0]!.last;
  return `${one ? 'Event' : 'Events'} ${named.join(', ')}${more} ${one ? 'is' : 'are'} no longer kept`;
}

export const rangeText = ({ first, last }: EventNumbers): string => (first === last ? String(first) : `${first} to ${last}`);
