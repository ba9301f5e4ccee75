/** The Subscriptions of a filter group that cannot be matched any more. */
export abstract class FailingGroups {
  /**
   * Switches off every Subscription that takes events of the group, with the reason where its owner reads it. When it returns they are: what
   * is left out of the numbered log after that, is left out before everybody's eyes.
   */
  abstract switchOff(fingerprint: string, reason: string): Promise<void>;
}
