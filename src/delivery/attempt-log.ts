/** One try to send something, and what came of it. Holds no header, no token and no content of what was sent. */
export interface Attempt {
  at: Date;
  subscriptionId: string;
  kind: 'handshake' | 'heartbeat' | 'event-notification';
  firstNumber?: number;
  lastNumber?: number;
  outcome: 'accepted' | 'retry' | 'give-up';
  httpStatus?: number;
  milliseconds: number;
  /** Why it failed. */
  reason?: string;
  /** The beginning of what was answered (at most 1 KiB), masked. */
  excerpt?: string;
  /** When the Subscription is tried next, as planned when this one failed. */
  nextAt?: Date;
  /** The request to send events again that it was made for. */
  replay?: number;
}

/** An event that an endpoint refuses for good while it takes others: stepped over. */
export interface DeadLetter {
  subscriptionId: string;
  number: number;
  reason: string;
}

/** The record of what was tried, and the events set aside. */
export abstract class AttemptLog {
  /** All of them or none. */
  abstract append(attempts: readonly Attempt[]): Promise<void>;
  /** Sets events aside for good once it resolves. One that is set aside already stays as it is, with its first reason. */
  abstract park(letters: readonly DeadLetter[]): Promise<void>;
}
