import type { SubscriptionStatus } from './subscription-definition.js';

/** Where a Subscription stands; one that is deleted never comes back (a new one under its id starts from nothing). */
export type LifecycleState = SubscriptionStatus | 'absent' | 'deleted';

export interface StatusRequest {
  /** Status of the stored Subscription; undefined: it is being made. */
  stored?: SubscriptionStatus;
  asked: SubscriptionStatus;
  /** Endpoint, header, payload or filter differ from what was verified. */
  changed: boolean;
  /** It proves itself by a handshake before it is active. */
  handshake: boolean;
}

/**
 * The status a client's write leads to; undefined: it asks for what only the hub may say. A client asks for `requested` or `off`; `active`
 * and `error` are accepted where they repeat what is stored, as happens when a client sends back what it read.
 */
export function statusAfterWrite({ stored, asked, changed, handshake }: StatusRequest): SubscriptionStatus | undefined {
  const start: SubscriptionStatus = handshake ? 'requested' : 'active';
  switch (asked) {
    case 'off':
      return 'off';
    case 'requested':
      return start;
    case 'active':
      return stored === 'active' && !changed ? 'active' : start;
    case 'error':
      if (stored !== 'error') return undefined;
      return changed ? start : 'error';
  }
}

/** What the hub itself may change a status to: a handshake accepted or refused, deliveries failing or succeeding again, an end reached. */
const HUB_MOVES: Readonly<Record<LifecycleState, readonly LifecycleState[]>> = {
  absent: [],
  requested: ['active', 'error', 'off'],
  active: ['error', 'off'],
  error: ['active', 'off'],
  off: [],
  deleted: [],
};

export function hubMayMove(from: LifecycleState, to: LifecycleState): boolean {
  return HUB_MOVES[from].includes(to);
}

/** Whether matching events are numbered and kept for a Subscription of this status. */
export function countsEvents(status: LifecycleState): boolean {
  return status === 'requested' || status === 'active' || status === 'error';
}
