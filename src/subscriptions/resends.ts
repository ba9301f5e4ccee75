/** Events `next` to `last` of a Subscription that are still to be sent again. */
export interface Resend {
  id: number;
  subscriptionId: string;
  next: number;
  last: number;
  /** Only those that were set aside and not taken since. */
  failedOnly: boolean;
  /** Events a second at most. */
  rate?: number;
}

/** What became of some events of a request. */
export type Passage =
  | { kind: 'sent'; first: number; last: number }
  | { kind: 'refused'; number: number; reason: string }
  /** From where the request stood to before `next`: no longer kept, or not set aside. */
  | { kind: 'gone'; next: number; count: number };

/** Requests to have events sent again, as those see them who send; they outlive the process that took them. */
export abstract class Resends {
  /** For each pushed Subscription of these shards the request whose turn it is: those of `$resend` first, of either kind the oldest. */
  abstract waiting(shards: readonly number[]): Promise<Resend[]>;
  /** Requests of the last half minute for Subscriptions whose events leave over sockets. */
  abstract recent(subscriptionIds: readonly string[]): Promise<Resend[]>;
  /** The first number from `from` to `last` that was set aside and not taken since. */
  abstract nextFailed(subscriptionId: string, from: number, last: number): Promise<number | undefined>;
  /**
   * The request has come past these events, and where they had been set aside that is noted with them: taken after all, or refused once
   * more. Says whether the request goes on; a second report of the same events moves nothing.
   */
  abstract pass(request: Pick<Resend, 'id' | 'subscriptionId'>, passage: Passage): Promise<boolean>;
  /** The rest of it will not be sent. */
  abstract giveUp(id: number, reason: string): Promise<void>;
}
