/** What one batch of matching brought: the groups that have new events, the subscriptions whose resource changed. */
export interface MatchBatch {
  batch: number;
  groupIds: readonly number[];
  subscriptionIds: readonly string[];
}

/** The batches of matching, for those who follow it. Numbers grow and become visible in order. */
export abstract class MatchBatches {
  abstract newest(): Promise<number>;
  abstract after(batch: number, limit: number): Promise<MatchBatch[]>;
}
