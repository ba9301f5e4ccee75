import { currentSubscription } from './current-subscription.js';
import type { DeliveryRecord, RecordedLetter } from './delivery-record.js';
import { nextPart, placeOf } from './next-part.js';
import { flagOf } from './operation-values.js';
import { decodePageMark, encodePageMark } from './page-mark.js';
import { readCount } from './page-size.js';
import { flag, group, instant, number, parametersText, type Part, text } from './parameter-parts.js';
import type { ResourceReader } from './resource-reader.js';

/** What `$dead-letters` takes, as it was written. */
export interface LettersAsked {
  resolved?: string;
  count?: string;
  page?: string;
  /** How the answer is to look, for the link. */
  _format?: string;
  _pretty?: string;
}

/** Events that an endpoint refused for good while it took others, and what became of them since. */
export class DeadLetterAnswers {
  constructor(
    private readonly reader: Pick<ResourceReader, 'current'>,
    private readonly record: DeliveryRecord,
  ) {}

  /** `url`: the operation's own, for the link to the next page. @throws FhirError 400, 404, 410 */
  async letters(id: string, asked: LettersAsked, url: string): Promise<string> {
    const resolved = flagOf(asked.resolved, 'resolved');
    const count = readCount(asked.count);
    const walk = JSON.stringify(['dead-letters', id, resolved]);
    const mark = asked.page === undefined ? undefined : decodePageMark(asked.page, walk);
    await currentSubscription(this.reader, id);
    const { letters, next } = await this.record.letters(id, resolved, count, mark && placeOf(mark.tie));
    const nextMark = next === undefined ? undefined : encodePageMark({ keys: [], tie: String(next) }, walk);
    return parametersText([nextPart(url, asked, nextMark), ...letters.map(letterPart)]);
  }
}

function letterPart(letter: RecordedLetter): Part {
  return group('letter', [
    number('number', letter.number),
    instant('at', letter.at),
    text('reason', letter.reason),
    number('sentAgain', letter.sentAgain),
    instant('refusedAgainAt', letter.refusedAgainAt),
    flag('resolved', letter.resolvedAt !== undefined),
    instant('resolvedAt', letter.resolvedAt),
  ]);
}
