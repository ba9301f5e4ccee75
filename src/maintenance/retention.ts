/** Rows that have done their service. */
export abstract class Retention {
  /** Batches of matching that every follower has long passed. */
  abstract dropMatchBatches(olderThanMinutes: number): Promise<number>;
  /** Attempts of days past, and room for those of the days to come. */
  abstract dropAttempts(olderThanDays: number): Promise<number>;
  /** Answers to messages that nobody will ask for again. */
  abstract dropMessages(olderThanMinutes: number): Promise<number>;
  /** Requests to send events again that have been through for so long. */
  abstract dropResends(olderThanDays: number): Promise<number>;
  /** Letters of events taken since, and others (undefined: those stay). */
  abstract dropLetters(resolvedDays: number, unresolvedDays: number | undefined): Promise<number>;
  /** Numbered events of changes that are older, from the oldest on; none that a pushed Subscription is still owed. */
  abstract dropEvents(olderThanDays: number): Promise<number>;
  /** Tokens that nobody used in time. */
  abstract dropTokens(): Promise<number>;
}
