import type { OutboundAnswer, OutboundFailure } from '../../outbound/outbound-client.js';
import { type AttemptResult, excerptOf } from '../attempt-result.js';
import type { PushOutcome } from '../push-channel.js';

/** What is written down of a call by HTTP that was judged to be `result`. Where nothing was answered the excerpt says what happened. */
export function calledOutcome(called: OutboundAnswer | OutboundFailure, result: AttemptResult): PushOutcome {
  const { milliseconds } = called;
  return called.kind === 'answered'
    ? { result, httpStatus: called.status, milliseconds, excerpt: excerptOf(called) }
    : { result, milliseconds, excerpt: called.detail };
}

/** An endpoint that is no URL, as only an older release may have stored it. */
export const NOT_CALLED: PushOutcome = {
  result: { kind: 'retry', fault: { code: 'no-response', text: 'the endpoint is not a URL' } },
  milliseconds: 0,
};
