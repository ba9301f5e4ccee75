import { faultText } from '../subscriptions/endpoint-fault.js';
import type { SubscriptionStatus } from '../subscriptions/subscription-definition.js';
import type { Log } from '../telemetry/log.js';
import { afterAttempt, type Verdict } from './after-attempt.js';
import { applyVerdict } from './apply-verdict.js';
import type { Attempt } from './attempt-log.js';
import type { CursorFlush } from './cursor-flush.js';
import type { DeliverySettings } from './delivery-settings.js';
import type { Line } from './line.js';
import type { Push, PushOutcome } from './push-channel.js';
import type { Repetitions } from './repetitions.js';

export interface ConclusionParts {
  flush: CursorFlush;
  repetitions: Repetitions;
  settings: DeliverySettings;
  random: () => number;
  log: Log;
}

/** Judges an attempt, has it written down and brings the line to where it leads. Returns where the Subscription's status goes, if anywhere. */
export async function concludeAttempt(
  line: Line,
  push: Push,
  outcome: PushOutcome,
  parts: ConclusionParts,
): Promise<SubscriptionStatus | undefined> {
  const { flush, repetitions, log } = parts;
  const verdict = verdictOn(line, push, outcome, parts);
  const attempt = attemptOf(line.id, push, outcome, verdict);
  flush.record(attempt);
  const { detail: _detail, ...facts } = attempt;
  log[verdict.kind === 'served' ? 'debug' : 'info'](facts, 'delivery.attempted');
  const now = Date.now();
  line.sentAt = now;
  const fault = outcome.result.kind === 'accepted' ? undefined : outcome.result.fault;
  const { status, park, passedTo } = applyVerdict(line, push, fault, verdict, now);
  if (park) flush.park(park);
  if (passedTo !== undefined) await repetitions.pass(line, passedTo);
  return status;
}

function verdictOn(line: Line, push: Push, { result }: PushOutcome, { settings, random }: ConclusionParts): Verdict {
  const last = push.events.at(-1)?.number;
  const tried = afterAttempt(
    {
      kind: push.kind,
      status: line.definition.status,
      failures: line.failures,
      count: push.events.length,
      hasMore: !push.again && last !== undefined && line.latest > last,
      steppingOver: line.trying !== undefined,
    },
    result,
    settings,
    random(),
  );
  // A repetition that the endpoint refuses is given up: its events were sent or set aside before.
  return push.again && tried.kind === 'failed' && result.kind === 'refused' ? { kind: 'step-over' } : tried;
}

function attemptOf(subscriptionId: string, push: Push, outcome: PushOutcome, verdict: Verdict): Attempt {
  const { result } = outcome;
  const reason = result.kind === 'accepted' ? undefined : faultText(result.fault);
  const givesUp = verdict.kind === 'step-over' || (verdict.kind === 'failed' && verdict.status === 'off');
  return {
    at: new Date(Date.now() - outcome.milliseconds),
    subscriptionId,
    kind: push.kind,
    firstNumber: push.events[0]?.number,
    lastNumber: push.events.at(-1)?.number,
    outcome: result.kind === 'accepted' ? 'accepted' : givesUp ? 'give-up' : 'retry',
    httpStatus: outcome.httpStatus,
    milliseconds: outcome.milliseconds,
    detail: [reason, outcome.excerpt].filter((part) => part !== undefined && part !== '').join('\n') || undefined,
  };
}
