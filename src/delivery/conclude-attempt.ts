import { faultText } from '../subscriptions/endpoint-fault.js';
import type { SubscriptionStatus } from '../subscriptions/subscription-definition.js';
import type { Log } from '../telemetry/log.js';
import { afterAttempt, type Verdict } from './after-attempt.js';
import { applyVerdict } from './apply-verdict.js';
import type { Attempt } from './attempt-log.js';
import type { CursorFlush } from './cursor-flush.js';
import type { DeliverySettings } from './delivery-settings.js';
import type { Line } from './line.js';
import { maskAnswer } from './mask-answer.js';
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
  const now = Date.now();
  line.sentAt = now;
  const fault = outcome.result.kind === 'accepted' ? undefined : outcome.result.fault;
  const { status, park, passage } = applyVerdict(line, push, fault, verdict, now);
  const attempt = attemptOf(line, push, outcome, verdict, now);
  flush.record(attempt);
  const { reason: _reason, excerpt: _excerpt, ...facts } = attempt;
  log[verdict.kind === 'served' ? 'debug' : 'info'](facts, 'delivery.attempted');
  if (park) flush.park(park);
  if (passage && push.replay !== undefined) await repetitions.pass(line, push.replay, passage, now);
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
      hasMore: push.replay === undefined && last !== undefined && line.latest > last,
      steppingOver: line.trying !== undefined,
    },
    result,
    settings,
    random(),
  );
  // A repetition that the endpoint refuses is given up: its events were sent or set aside before.
  return push.replay !== undefined && tried.kind === 'failed' && result.kind === 'refused' ? { kind: 'step-over' } : tried;
}

/** `line` is where the verdict has brought it. */
function attemptOf(line: Line, push: Push, outcome: PushOutcome, verdict: Verdict, now: number): Attempt {
  const { result, excerpt } = outcome;
  const { headers, signingSecrets } = push.definition.channel;
  const secrets = [...headers.map(([, value]) => value), ...signingSecrets];
  const switchedOff = verdict.kind === 'failed' && verdict.status === 'off';
  const failed = result.kind !== 'accepted';
  const reason = failed ? maskAnswer(faultText(result.fault), secrets, []) : undefined;
  const passedOver = push.replay !== undefined && verdict.kind === 'step-over';
  return {
    at: new Date(now - outcome.milliseconds),
    subscriptionId: line.id,
    kind: push.kind,
    firstNumber: push.events[0]?.number,
    lastNumber: push.events.at(-1)?.number,
    outcome: !failed ? 'accepted' : switchedOff || verdict.kind === 'step-over' ? 'give-up' : 'retry',
    httpStatus: outcome.httpStatus,
    milliseconds: outcome.milliseconds,
    reason,
    // Where nothing was answered there is only the reason.
    excerpt: excerpt && !reason?.includes(excerpt) ? maskAnswer(excerpt, secrets, sentBodies(push)) : undefined,
    nextAt: failed && !switchedOff && !passedOver ? new Date(Math.max(now, line.retryAt)) : undefined,
    replay: push.replay,
  };
}

/** Resources that went along with the notification. */
function sentBodies({ subject, events }: Push): string[] {
  return events.flatMap(({ event, parts }) => [
    ...parts.of(subject.face, subject.base, subject.level).entries.map(({ text }) => text),
    ...(event.focus.body === null ? [] : [event.focus.body]),
  ]);
}
