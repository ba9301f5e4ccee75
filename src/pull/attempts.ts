import { FhirError } from '../fhir/fhir-error.js';
import { currentSubscription } from './current-subscription.js';
import type { AttemptFilter, DeliveryRecord, RecordedAttempt } from './delivery-record.js';
import { boundOf } from './event-bounds.js';
import { nextPart, placeOf } from './next-part.js';
import { instantOf } from './operation-values.js';
import { decodePageMark, encodePageMark } from './page-mark.js';
import { readCount } from './page-size.js';
import { code, group, instant, number, parametersText, type Part, text } from './parameter-parts.js';
import type { ResourceReader } from './resource-reader.js';

/** What `$attempts` takes, as it was written. */
export interface AttemptsAsked {
  outcome?: string;
  since?: string;
  until?: string;
  number?: string;
  count?: string;
  page?: string;
  /** How the answer is to look, for the link. */
  _format?: string;
  _pretty?: string;
}

const OUTCOMES = ['accepted', 'retry', 'give-up'];

/**
 * What was tried for a Subscription. A Parameters resource, as FHIR has none for an attempt at delivery: AuditEvent and Communication say
 * who saw or was told what, and a Bundle could only hold resources.
 */
export class AttemptAnswers {
  constructor(
    private readonly reader: Pick<ResourceReader, 'current'>,
    private readonly record: DeliveryRecord,
  ) {}

  /** `url`: the operation's own, for the link to the next page. @throws FhirError 400, 404, 410 */
  async attempts(id: string, asked: AttemptsAsked, url: string): Promise<string> {
    const filter = filterOf(asked);
    const count = readCount(asked.count);
    const walk = JSON.stringify(['attempts', id, asked.outcome, asked.since, asked.until, asked.number]);
    const mark = asked.page === undefined ? undefined : decodePageMark(asked.page, walk);
    await currentSubscription(this.reader, id);
    const place = mark && { atMicroseconds: placeOf(mark.keys[0]), id: placeOf(mark.tie) };
    const { attempts, next } = await this.record.attempts(id, filter, count, place);
    const nextMark = next && encodePageMark({ keys: [next.atMicroseconds], tie: String(next.id) }, walk);
    return parametersText([nextPart(url, asked, nextMark), ...attempts.map(attemptPart)]);
  }
}

function filterOf({ outcome, since, until, number: event }: AttemptsAsked): AttemptFilter {
  if (outcome !== undefined && !OUTCOMES.includes(outcome))
    throw new FhirError('value', `outcome is ${OUTCOMES.join(', ')}, not "${outcome.slice(0, 50)}"`, 'outcome');
  const filter = {
    outcome,
    since: instantOf(since, 'since'),
    until: instantOf(until, 'until'),
    number: boundOf(event, 'number'),
  };
  if (filter.since && filter.until && filter.since > filter.until)
    throw new FhirError('value', 'since lies after until', 'since');
  return filter;
}

function attemptPart(attempt: RecordedAttempt): Part {
  const { httpStatus, firstNumber, lastNumber, replay } = attempt;
  return group('attempt', [
    instant('at', attempt.at),
    code('kind', attempt.kind),
    firstNumber === undefined ? undefined : number('firstNumber', firstNumber),
    lastNumber === undefined ? undefined : number('lastNumber', lastNumber),
    code('outcome', attempt.outcome),
    number('milliseconds', attempt.milliseconds),
    httpStatus === undefined ? undefined : { name: 'httpStatus', valueInteger: httpStatus },
    text('reason', attempt.reason),
    text('answer', attempt.excerpt),
    instant('nextAttempt', attempt.nextAt),
    replay === undefined ? undefined : { name: 'replay', valueId: String(replay) },
  ]);
}
