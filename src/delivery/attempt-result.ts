import type { NotificationFault } from '../fhir/notification-bundle.js';
import type { OutboundAnswer, OutboundFailure } from '../outbound/outbound-client.js';
import { retryAfterMs } from '../outbound/retry-after.js';

/** What came of one attempt. A failed one is ordinary life and therefore a value. */
export type AttemptResult =
  | { kind: 'accepted' }
  /** The endpoint, or the way to it, fails: the same again later. */
  | { kind: 'retry'; fault: NotificationFault; retryAfterMs?: number }
  /** The endpoint answers, but will not have this content: perhaps one event of it, or so much at once (`tooLarge`). */
  | { kind: 'refused'; fault: NotificationFault; tooLarge?: boolean }
  /** The endpoint says that it is gone for good. */
  | { kind: 'gone'; fault: NotificationFault };

const REFUSALS: ReadonlySet<number> = new Set([400, 413, 415, 422]);

/** Any 2xx is success. A redirect is not followed and counts as a failure, as every other answer does. */
export function resultOf(outcome: OutboundAnswer | OutboundFailure, now: number): AttemptResult {
  if (outcome.kind === 'failed') return { kind: 'retry', fault: { code: 'no-response', text: outcome.detail } };
  const { status } = outcome;
  if (status >= 200 && status < 300) return { kind: 'accepted' };
  const fault: NotificationFault = { code: 'error-response', text: `HTTP ${status}` };
  if (status === 410) return { kind: 'gone', fault };
  if (REFUSALS.has(status)) return { kind: 'refused', fault, tooLarge: status === 413 };
  return { kind: 'retry', fault, retryAfterMs: retryAfterMs(outcome.headers['retry-after'], now) };
}

const EXCERPT_BYTES = 1024;

/** The beginning of what an endpoint answered, for people. */
export function excerptOf(answer: OutboundAnswer | OutboundFailure): string | undefined {
  if (answer.kind !== 'answered' || answer.body.length === 0) return undefined;
  // A character cut in two at the end would read as a replacement character.
  return answer.body
    .subarray(0, EXCERPT_BYTES)
    .toString('utf8')
    .replace(/\uFFFD+$/, '');
}
