import type { Change, LogPosition } from '../fhir/change.js';

/** The tail of the change log that matching reads. */
export abstract class ChangeLog {
  /** Committed changes after `position`, in order, none skipped: only below the oldest transaction that still writes. */
  abstract after(position: LogPosition, limit: number): Promise<Change[]>;
  /** The version before each given change, for topics that look at the previous state. */
  abstract previous(changes: readonly Change[]): Promise<Map<Change, Change>>;
  /** The version that each of the given resources had at a place in the log; deletes, and what was not there yet, are left out. */
  abstract at(asked: readonly { type: string; id: string; position: LogPosition }[]): Promise<(Change | undefined)[]>;
  /** Those of the changes that a higher version of their resource stands before, as can be where two transactions overlapped. */
  abstract overtaken(changes: readonly Change[]): Promise<ReadonlySet<Change>>;
  /** The state of all resources of some types as it was at `position` (deleted ones left out), to build the index at start. */
  abstract snapshot(types: readonly string[], position: LogPosition): AsyncIterable<Change[]>;
}
