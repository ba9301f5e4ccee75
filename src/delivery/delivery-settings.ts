/** What delivery goes by. Most of it an operator sets (src/config/settings.ts); the rest is {@link FIXED_DELIVERY}. */
export interface DeliverySettings {
  /** How long an attempt may take where the Subscription does not say; a Subscription may ask for less, or more up to the ceiling. */
  attemptSeconds: number;
  attemptCeilingSeconds: number;
  /** First pause after a failure; each next one is twice as long, up to the ceiling. */
  backoffMilliseconds: number;
  backoffCeilingSeconds: number;
  /** Failures in a row after which a Subscription is shown as `error`. */
  failuresUntilError: number;
  /** How long it is tried in vain before the Subscription is switched off. */
  giveUpSeconds: number;
  /** Between the write of a Subscription and its handshake, so that the client has read the answer. */
  handshakeDelayMs: number;
  leaseSeconds: number;
  /** Attempts under way at once: to one host, and in all. */
  attemptsPerHost: number;
  attemptsInAll: number;
  /** Requests a second to an endpoint whose subscriptions name no limit; 0: as many as come. */
  ratePerEndpoint: number;
  /** Several events go together up to this size. */
  notificationBytes: number;
  /** Acknowledgements wait this long for company. */
  flushMs: number;
}

/** A subscriber's time-out, the pause before a handshake and that before acknowledgements are written are promises, not settings. */
export const FIXED_DELIVERY = { attemptCeilingSeconds: 25, handshakeDelayMs: 150, flushMs: 10 } as const;
