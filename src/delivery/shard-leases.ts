/** A shard and the token that proves the right to serve it. */
export interface ShardLease {
  shard: number;
  token: string;
}

/** Leases on slices of all subscriptions, shared fairly between the processes that live. Clocks are the database's. */
export abstract class ShardLeases {
  /**
   * Takes up to a fair share of free shards. Free are those whose lease has run out and those whose process is gone (its presence in
   * the database has ended, or was not renewed for the time of a lease). Returns the new ones and how many a process should hold at
   * most: all of them divided among those that are not gone.
   */
  abstract take(process: string, seconds: number, held: number): Promise<{ taken: ShardLease[]; share: number }>;
  /** Prolongs what is held. Returns the leases that are still ours. */
  abstract renew(leases: readonly ShardLease[], seconds: number): Promise<ShardLease[]>;
  abstract release(leases: readonly ShardLease[]): Promise<void>;
}
