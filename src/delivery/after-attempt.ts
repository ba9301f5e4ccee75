import { hubMayMove } from '../subscriptions/status-machine.js';
import type { SubscriptionStatus } from '../subscriptions/subscription-definition.js';
import type { AttemptResult } from './attempt-result.js';
import { failuresWithin, pauseAfter } from './backoff.js';
import type { DeliverySettings } from './delivery-settings.js';

/** What was tried, and how things stood. */
export interface Tried {
  kind: 'handshake' | 'heartbeat' | 'event-notification';
  status: SubscriptionStatus;
  /** Failures in a row before this attempt. */
  failures: number;
  /** Events sent together. */
  count: number;
  /** More events are owed behind those. */
  hasMore: boolean;
  /** The attempt went past an event that had been refused again and again. */
  steppingOver: boolean;
}

/** What follows from an attempt. */
export type Verdict =
  /** Acknowledge; `status` active leads back from requested or error; `park`: the event that was stepped over is set aside. */
  | { kind: 'served'; status?: 'active'; park: boolean }
  /** The bundle is refused, for one of its events or for its size: try half of it at once. */
  | { kind: 'halve'; by: 'events' | 'bytes' }
  /** This one event is refused again and again: try the one after it at once. */
  | { kind: 'step-over' }
  /** The same again after a pause; after stepping over an event it begins with that one, as the endpoint is at fault. */
  | { kind: 'failed'; pauseMs: number; status?: 'error' | 'off' };

/**
 * Judges an attempt. Passing and lasting failures are told apart by what the endpoint answers: 410 ends the subscription; a refusal of
 * content (400, 413, 415, 422) may be the fault of one event, which is isolated by halving and set aside only on proof that the endpoint
 * takes the event behind it, so that a misconfigured endpoint does not empty its backlog into the dead letters; where the size is at fault
 * (413) no event is, unless it is too large alone. Everything else is tried again after growing pauses; from the given number of failures on the Subscription is shown as `error`, in the end it is `off`.
 */
export function afterAttempt(tried: Tried, result: AttemptResult, settings: DeliverySettings, random: number): Verdict {
  if (result.kind === 'accepted') {
    // What its owner switched off while the attempt was under way stays off.
    const status = hubMayMove(tried.status, 'active') ? 'active' : undefined;
    return { kind: 'served', status, park: tried.steppingOver };
  }
  const failures = tried.failures + 1;
  if (result.kind === 'gone') return failed('off');
  if (result.kind === 'refused' && tried.kind === 'event-notification' && !tried.steppingOver) {
    if (tried.count > 1) return { kind: 'halve', by: result.tooLarge ? 'bytes' : 'events' };
    if (failures >= settings.failuresUntilError && tried.hasMore) return { kind: 'step-over' };
  }
  if (failures >= failuresUntilOff(settings)) return failed('off');
  return failed(failures >= settings.failuresUntilError ? 'error' : undefined);

  function failed(status?: 'error' | 'off'): Verdict {
    const retryAfterMs = result.kind === 'retry' ? result.retryAfterMs : undefined;
    return {
      kind: 'failed',
      pauseMs: pauseAfter(failures, settings, random, retryAfterMs),
      status: status !== undefined && hubMayMove(tried.status, status) ? status : undefined,
    };
  }
}

const untilOff = new WeakMap<DeliverySettings, number>();

function failuresUntilOff(settings: DeliverySettings): number {
  let failures = untilOff.get(settings);
  if (failures === undefined) {
    failures = Math.max(settings.failuresUntilError + 1, failuresWithin(settings.giveUpSeconds, settings));
    untilOff.set(settings, failures);
  }
  return failures;
}
