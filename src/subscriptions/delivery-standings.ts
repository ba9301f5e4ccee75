/** How far the events of a Subscription have been delivered, and what holds them up. */
export interface DeliveryStanding {
  subscriptionId: string;
  /** Number of the last event that was accepted. */
  acknowledged: number;
  /** Failed attempts in a row. */
  failures: number;
  nextAttempt?: Date;
  lastSent?: Date;
  /** What delivery last met with, `code: text`. */
  lastError?: string;
}

/** The cursors of Subscriptions as others see them; those that matching has not met yet are left out. */
export abstract class DeliveryStandings {
  abstract of(subscriptionIds: readonly string[]): Promise<DeliveryStanding[]>;
}
