import type { NotificationFault } from '../fhir/notification-bundle.js';
import type { SubscriptionStatus } from '../subscriptions/subscription-definition.js';
import type { Passage } from '../subscriptions/resends.js';
import type { Verdict } from './after-attempt.js';
import type { DeadLetter } from './attempt-log.js';
import type { Line } from './line.js';
import type { Push } from './push-channel.js';
import { ceilingBelow } from './size-ceiling.js';
import { bytesOf } from './within-bytes.js';

/** What the line itself cannot do: write down. */
export interface Consequence {
  /** Where the Subscription's status goes. */
  status?: SubscriptionStatus;
  /** The event that was stepped over is set aside. */
  park?: DeadLetter;
  /** What became of events sent again. */
  passage?: Passage;
}

/** Brings a line to where the verdict on its attempt leads. `fault` is absent where the endpoint took what was sent. */
export function applyVerdict(
  line: Line,
  push: Push,
  fault: NotificationFault | undefined,
  verdict: Verdict,
  now: number,
): Consequence {
  return push.replay !== undefined
    ? applyToRepetition(line, push, fault, verdict, now)
    : applyToCursor(line, push, fault, verdict, now);
}

function applyToCursor(line: Line, push: Push, fault: NotificationFault | undefined, verdict: Verdict, now: number): Consequence {
  switch (verdict.kind) {
    case 'served': {
      const { trying } = line;
      const park = verdict.park && trying ? { subscriptionId: line.id, number: trying.over, reason: trying.reason } : undefined;
      recover(line);
      line.trying = undefined;
      line.acknowledged = push.events.at(-1)?.number ?? line.acknowledged;
      line.limit = limitAfterSuccess(line);
      if (line.suspect !== undefined && line.acknowledged >= line.suspect) line.suspect = undefined;
      return { status: verdict.status, park };
    }
    case 'halve':
      if (verdict.by === 'bytes') line.ceiling = ceilingBelow(bytesOf(push.events, push.subject), now);
      else {
        line.limit = Math.ceil(push.events.length / 2);
        line.suspect = push.events.at(-1)!.number;
      }
      return {};
    case 'step-over':
      line.trying = { over: push.events[0]!.number, reason: fault?.text ?? '' };
      line.failures += 1;
      line.retryAt = 0;
      line.fault = fault;
      return {};
    case 'failed':
      // The same events again, so under the same id: it may have come through all the same.
      if (push.events.length > 0 && push.replay === undefined && !line.trying) line.limit = push.events.length;
      line.trying = undefined;
      line.failures += 1;
      line.retryAt = now + verdict.pauseMs;
      line.fault = fault;
      if (push.kind === 'handshake' && line.definition.status !== 'active') line.verifiedVersion = undefined;
      return { status: verdict.status };
  }
}

/** The cursor stays where it is: only the request moves. */
function applyToRepetition(
  line: Line,
  push: Push,
  fault: NotificationFault | undefined,
  verdict: Verdict,
  now: number,
): Consequence {
  switch (verdict.kind) {
    case 'served':
      recover(line);
      if (line.again?.id === push.replay) line.again!.limit = Math.min(line.again!.limit * 2, Number.MAX_SAFE_INTEGER);
      return {
        status: verdict.status,
        passage: { kind: 'sent', first: push.events[0]!.number, last: push.events.at(-1)!.number },
      };
    case 'halve':
      if (verdict.by === 'bytes') line.ceiling = ceilingBelow(bytesOf(push.events, push.subject), now);
      else if (line.again?.id === push.replay) line.again!.limit = Math.ceil(push.events.length / 2);
      return {};
    case 'step-over':
      return { passage: { kind: 'refused', number: push.events[0]!.number, reason: fault?.text ?? '' } };
    case 'failed':
      return applyToCursor(line, push, fault, verdict, now);
  }
}

/** While the event at fault is being looked for, half of those among which it must be; otherwise twice as many as before. */
function limitAfterSuccess({ limit, suspect, acknowledged }: Line): number {
  const suspects = suspect === undefined ? 0 : suspect - acknowledged;
  return suspects > 0 ? Math.ceil(suspects / 2) : Math.min(limit * 2, Number.MAX_SAFE_INTEGER);
}

function recover(line: Line): void {
  line.failures = 0;
  line.retryAt = 0;
  line.fault = undefined;
  line.verified = true;
}
