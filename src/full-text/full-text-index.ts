/** What a turn came to. */
export interface Advance {
  /** Changes that the index has moved past. */
  changes: number;
  /** Resources whose words were written. */
  resources: number;
  /** Whether so much is still to come that searches will soon not make up for it themselves, or do not already. */
  isFar: boolean;
}

/** Where the words of resources are kept for `_text` and `_content`, a little behind the change log. */
export abstract class FullTextIndex {
  /**
   * Moves past up to `most` changes that nothing can come before any more: the words of current resources are written, those of deleted ones
   * forgotten, together with the place that was reached. Undefined: another process is at it.
   * @param without words: resources are put down as not indexed, for searches to look at one by one
   */
  abstract advance(most: number, without?: boolean): Promise<Advance | undefined>;
  /** Makes what was written since the last time quick to search. */
  abstract sortIn(): Promise<void>;
}
