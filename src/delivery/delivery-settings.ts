/** What an operator may set about delivery. */
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
  /** Acknowledgements wait this long for company. */
  flushMs: number;
}

export const DEFAULT_DELIVERY: DeliverySettings = {
  attemptSeconds: 20,
  attemptCeilingSeconds: 25,
  backoffMilliseconds: 1000,
  backoffCeilingSeconds: 3600,
  failuresUntilError: 4,
  giveUpSeconds: 3 * 24 * 3600,
  handshakeDelayMs: 150,
  leaseSeconds: 60,
  attemptsPerHost: 128,
  attemptsInAll: 1024,
  flushMs: 10,
};
