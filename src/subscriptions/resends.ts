/** Events `next` to `last` of a Subscription that are still to be sent again. */
export interface Resend {
  id: number;
  subscriptionId: string;
  next: number;
  last: number;
}

/** Requests to have events sent again; they outlive the process that took them. */
export abstract class Resends {
  /** Undefined where the Subscription has too many requests waiting already, or matching has not met it yet. */
  abstract ask(subscriptionId: string, first: number, last: number): Promise<Resend | undefined>;
  /** Numbers of the first and the last event whose change was made between the instants, both included. */
  abstract numbersBetween(
    subscriptionId: string,
    since?: Date,
    until?: Date,
  ): Promise<{ first: number; last: number } | undefined>;
  /** The oldest request of each pushed Subscription of these shards. */
  abstract waiting(shards: readonly number[]): Promise<Resend[]>;
  /** Requests of the last half minute for Subscriptions whose events leave over sockets. */
  abstract recent(subscriptionIds: readonly string[]): Promise<Resend[]>;
  /** What lies before `next` was sent; a request that is through is forgotten. */
  abstract advance(id: number, next: number): Promise<void>;
}
