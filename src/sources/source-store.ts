/** A current Endpoint resource. */
export interface StoredEndpoint {
  id: string;
  version: number;
  body: string;
}

/** How far a source was read. */
export interface Watermark {
  /** Time of the source up to which everything was taken in; null before the first poll. */
  since: Date | null;
  /** `Type/id/version` of what was taken in within the overlap before `since`. */
  seen: readonly string[];
}

/** The right to poll one source for a while, and where to go on. */
export interface SourceLease extends Watermark {
  endpointId: string;
  token: string;
  /** Failed polls in a row. */
  failures: number;
  /** What went wrong last, or which resources were left out. */
  lastError: string | null;
}

export type LeaseAnswer = { kind: 'leased'; lease: SourceLease } | { kind: 'wait'; milliseconds: number };

/** How a poll ended. `watermark` where it moved without data. */
export interface PollEnd {
  failures: number;
  lastError: string | null;
  waitMilliseconds: number;
  succeeded: boolean;
  watermark?: Watermark;
}

/** What polling keeps: one row for each source, shared by all processes. */
export abstract class SourceStore {
  /** Current Endpoints, deleted ones left out. */
  abstract endpoints(): Promise<StoredEndpoint[]>;
  /**
   * Takes the right to poll, where it is due and nobody else has it. A new version of the Endpoint is due at once; another
   * `fingerprint` (address, types, prefix) is another source and starts from the beginning.
   */
  abstract lease(
    endpoint: { id: string; version: number; fingerprint: string },
    process: string,
    seconds: number,
  ): Promise<LeaseAnswer>;
  /** Keeps the right; false when it has passed to another process, who then reads on. */
  abstract renew(lease: SourceLease, seconds: number): Promise<boolean>;
  /** Gives the right back and says when the source is due again; without effect when it has passed on. */
  abstract end(lease: SourceLease, end: PollEnd): Promise<void>;
}

/** The door for what was read, kept by intake's change log. */
export abstract class SourceIntake {
  /** Stores all writes of a unit and moves the watermark with them, or does neither. */
  abstract write(unit: SourceUnit): Promise<readonly unknown[]>;
}

export interface SourceUnit {
  face: 'r4b';
  writes: readonly SourceWrite[];
  watermark?: Watermark & { endpointId: string };
}

export type SourceWrite =
  | { kind: 'put'; method: 'PUT'; resource: { type: string; id: string; text: string; value: Record<string, unknown> } }
  | { kind: 'delete'; type: string; id: string };
