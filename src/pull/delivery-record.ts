/** One try to send something, as it is remembered. */
export interface RecordedAttempt {
  at: Date;
  kind: string;
  firstNumber?: number;
  lastNumber?: number;
  outcome: string;
  httpStatus?: number;
  milliseconds: number;
  reason?: string;
  excerpt?: string;
  nextAt?: Date;
  replay?: number;
}

export interface AttemptFilter {
  outcome?: string;
  /** Begun at or after, at or before. */
  since?: Date;
  until?: Date;
  /** An event that went along. */
  number?: number;
}

/** Between two attempts: when the last one shown began, in microseconds, and which of that moment it was. */
export interface AttemptPlace {
  atMicroseconds: number;
  id: number;
}

/** An event that was set aside. */
export interface RecordedLetter {
  number: number;
  at: Date;
  /** Why it was refused last. */
  reason: string;
  sentAgain: number;
  refusedAgainAt?: Date;
  /** When it was taken after all. */
  resolvedAt?: Date;
}

/** What delivery has written down of its work. Newest first; `next` where more follow. */
export abstract class DeliveryRecord {
  abstract attempts(
    subscriptionId: string,
    filter: AttemptFilter,
    count: number,
    after?: AttemptPlace,
  ): Promise<{ attempts: RecordedAttempt[]; next?: AttemptPlace }>;
  /** `resolved`: only those taken since, or not. `next`: those below that number. */
  abstract letters(
    subscriptionId: string,
    resolved: boolean | undefined,
    count: number,
    below?: number,
  ): Promise<{ letters: RecordedLetter[]; next?: number }>;
}
