import { FhirError, operationOutcome } from '../fhir/fhir-error.js';
import type { EventLog } from '../subscriptions/event-log.js';
import { parseSubscription } from '../subscriptions/parse-subscription.js';
import type { Resends } from '../subscriptions/resends.js';
import { keptNumbers, latestNumber } from '../subscriptions/segments.js';
import type { SubscriptionDirectory } from '../subscriptions/subscription-directory.js';
import { boundOf } from './event-bounds.js';

/** Bounds of `$resend`, each included; all that are given must hold. */
export interface ResendRange {
  sinceNumber?: string;
  untilNumber?: string;
  sinceInstant?: string;
  untilInstant?: string;
}

/**
 * Takes down that a range of events is to be sent again; delivery works it off behind what is owed, with the numbers the events have.
 * https://build.fhir.org/ig/HL7/fhir-subscription-backport-ig/ (1.2), operation $resend
 */
export class Resending {
  constructor(
    private readonly directory: SubscriptionDirectory,
    private readonly events: EventLog,
    private readonly resends: Resends,
  ) {}

  /** An OperationOutcome that says what will be sent. @throws FhirError 400, 404, 409, 429 */
  async ask(id: string, range: ResendRange): Promise<string> {
    const asked = rangeOf(range);
    const [listed] = await this.directory.list([id], 1);
    if (!listed) throw new FhirError('not-found', `There is no Subscription/${id}`);
    const { body, version, face } = listed.resource;
    const { status } = parseSubscription(JSON.parse(body ?? '{}') as Record<string, unknown>, id, version, face);
    if (status === 'off')
      throw new FhirError('conflict', `Subscription/${id} is off; set it to requested and ask again`, 'Subscription.status');
    const numbers = await this.numbersOf(id, asked);
    const taken = await this.resends.ask(id, numbers.first, numbers.last);
    if (!taken)
      throw new FhirError('throttled', `Enough requests for Subscription/${id} are waiting; try again later`, undefined, {
        headers: { 'Retry-After': '30' },
      });
    const count = numbers.last - numbers.first + 1;
    return JSON.stringify(
      operationOutcome([
        {
          code: 'informational',
          diagnostics: `${count === 1 ? `Event ${numbers.first}` : `Events ${numbers.first} to ${numbers.last}`} will be sent again.`,
        },
      ]),
    );
  }

  private async numbersOf(id: string, { since, until, from, to }: AskedRange): Promise<{ first: number; last: number }> {
    const [standing] = await this.events.standings([id]);
    const latest = standing ? latestNumber(standing.segments, standing.groupLastN) : 0;
    const kept = standing ? keptNumbers(standing.segments, standing.groupLastN) : undefined;
    if (since > latest)
      throw new FhirError('value', `There is no event ${since} yet; the newest has number ${latest}`, 'eventsSinceNumber');
    const between = from || to ? await this.resends.numbersBetween(id, from, to) : { first: 1, last: latest };
    const first = Math.max(since, kept?.first ?? 1, between?.first ?? Infinity);
    const last = Math.min(until ?? latest, kept?.last ?? 0, between?.last ?? 0);
    if (first > last) throw new FhirError('not-found', 'No event that is still kept lies in this range');
    return { first, last };
  }
}

interface AskedRange {
  since: number;
  until?: number;
  from?: Date;
  to?: Date;
}

function rangeOf({ sinceNumber, untilNumber, sinceInstant, untilInstant }: ResendRange): AskedRange {
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

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

function instantOf(written: string | undefined, name: string): Date | undefined {
  if (written === undefined) return undefined;
  // A plus sign in a URL that was not escaped arrives as a space.
  const text = written.replace(/ (?=\d\d:\d\d$)/, '+');
  const date = new Date(INSTANT.test(text) ? text : NaN);
  if (Number.isNaN(date.getTime())) throw new FhirError('value', `${name} is an instant, not "${written.slice(0, 50)}"`, name);
  return date;
}
