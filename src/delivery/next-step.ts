import { isPushed } from '../subscriptions/is-pushed.js';
import { needsHandshake } from '../subscriptions/needs-handshake.js';
import type { SubscriptionDefinition } from '../subscriptions/subscription-definition.js';

/** All that decides what is to be done for a subscription next. Times are milliseconds on one clock. */
export interface LineState {
  definition: SubscriptionDefinition;
  /** When this version of the Subscription was written. */
  writtenAt: number;
  acknowledged: number;
  /** Number of its newest event. */
  latest: number;
  /** Failures in a row. */
  failures: number;
  /** After a failure: when to try again. */
  retryAt: number;
  /** The endpoint has taken the handshake. */
  verified: boolean;
  /** Events that are to be sent again. */
  again?: Again;
  /** When something was last sent. */
  sentAt: number;
}

/** Events `next` to `last` are to be sent again, `limit` at most together. */
export interface Again {
  readonly id: number;
  next: number;
  readonly last: number;
  /** Only those of them that were set aside. */
  readonly failedOnly: boolean;
  /** Events a second at most, and what follows from it: not before this time. */
  readonly rate?: number;
  notBefore: number;
  limit: number;
}

export type Step =
  | { kind: 'rest'; until?: number }
  | { kind: 'end' }
  | { kind: 'handshake' }
  | { kind: 'activate' }
  | { kind: 'send' }
  | { kind: 'send-again' }
  | { kind: 'heartbeat' };

/**
 * What a subscription wants at `now`. No event before the endpoint took the handshake; what is owed before anything new; after a
 * failure nothing until its pause is over, and then the same again, which is also how an endpoint in `error` is probed.
 */
export function nextStep(line: LineState, now: number, handshakeDelayMs: number): Step {
  const { definition } = line;
  if (definition.status === 'off') return { kind: 'rest' };
  const end = definition.end?.getTime();
  if (end !== undefined && end <= now) return { kind: 'end' };
  const restUntil = (time: number | undefined): Step => ({ kind: 'rest', until: earliest(time, end) });

  if (line.failures > 0 && line.retryAt > now) return restUntil(line.retryAt);
  if (needsHandshake(definition) && !line.verified) {
    const soonest = line.writtenAt + handshakeDelayMs;
    // A hub whose clock is ahead may have written it: what seems to come from the future is not waited for.
    const isFresh = line.writtenAt <= now && soonest > now;
    return definition.status === 'requested' && isFresh ? restUntil(soonest) : { kind: 'handshake' };
  }
  if (definition.status === 'requested') return { kind: 'activate' };
  if (!isPushed(definition)) return restUntil(undefined);
  if (line.latest > line.acknowledged) return { kind: 'send' };
  // Nothing is owed, so only a greeting can show that the endpoint is back.
  if (definition.status === 'error' && needsHandshake(definition)) return { kind: 'handshake' };

  // What is owed goes first: a long repetition holds up nothing new.
  const again = line.again?.notBefore;
  if (again !== undefined && again <= now) return { kind: 'send-again' };

  const heartbeat = heartbeatMs(definition);
  if (heartbeat === undefined || definition.subject.kind === 'classic') return restUntil(again);
  return line.sentAt + heartbeat <= now ? { kind: 'heartbeat' } : restUntil(earliest(line.sentAt + heartbeat, again));
}

/** Zero seconds mean no heartbeat, as its absence does. */
export function heartbeatMs({ channel }: SubscriptionDefinition): number | undefined {
  return channel.heartbeatSeconds ? channel.heartbeatSeconds * 1000 : undefined;
}

function earliest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : Math.min(a, b);
}
