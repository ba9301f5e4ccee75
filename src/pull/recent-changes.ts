import type { Change, LogPosition } from '../fhir/change.js';

/** The end of the change log, walked backwards. */
export abstract class RecentChanges {
  /** The newest changes before `position` (the newest of all without), newest first; bodies only of `types`, or of all. */
  abstract before(position: LogPosition | undefined, limit: number, types: readonly string[] | undefined): Promise<Change[]>;
  /** The version before each given change. */
  abstract previous(changes: readonly Change[]): Promise<Map<Change, Change>>;
}
