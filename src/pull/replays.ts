/** A request to send events again, as it stands. */
export interface Replay {
  id: number;
  kind: 'resend' | 'replay';
  state: 'waiting' | 'sending' | 'done' | 'cancelled';
  /** Why it was cancelled. */
  reason?: string;
  first: number;
  last: number;
  failedOnly: boolean;
  /** Events a second at most. */
  rate?: number;
  /** The next number to come to; `last` + 1 where it is through. */
  next: number;
  /** Events it was asked for: those that were kept, or set aside. */
  asked: number;
  sent: number;
  refused: number;
  /** No longer kept when it came to them. */
  gone: number;
  askedAt: Date;
  finishedAt?: Date;
}

export interface ReplayRequest extends Pick<Replay, 'kind' | 'first' | 'last' | 'failedOnly' | 'rate' | 'asked'> {
  subscriptionId: string;
  /** Sockets that are bound now send it, each for itself; nobody works it off. */
  toSockets: boolean;
}

export interface EventNumbers {
  first: number;
  last: number;
}

/** Requests to send events again, as subscribers make and watch them. */
export abstract class Replays {
  /** Undefined where the Subscription has too many requests waiting already, or matching has not met it yet. */
  abstract ask(request: ReplayRequest): Promise<Replay | undefined>;
  /** Numbers of the first and the last event whose change was made between the instants, both included. */
  abstract numbersBetween(subscriptionId: string, since?: Date, until?: Date): Promise<EventNumbers | undefined>;
  /** Events in the range that are set aside and were not taken since. */
  abstract failedBetween(subscriptionId: string, numbers: EventNumbers): Promise<(EventNumbers & { count: number }) | undefined>;
  /** Of those that are worked off. */
  abstract find(subscriptionId: string, id: number): Promise<Replay | undefined>;
  /** Newest first. */
  abstract list(subscriptionId: string, limit: number): Promise<Replay[]>;
  /** How it stands now that it is cancelled; one that is over stays as it is. */
  abstract cancel(subscriptionId: string, id: number, reason: string): Promise<Replay | undefined>;
}
