/** A resource as it was at a moment. */
export interface ExportedVersion {
  id: string;
  /** Undefined: nothing of it is wanted, since it did not exist or did not change within the bounds. */
  at?: Date;
  /** Null: deleted. */
  body: string | null;
  /** Of a delete, the state before it. */
  before: string | null;
}

export interface ExportBounds {
  /** The moment: the newest version made by then counts. */
  until: Date;
  /** Only versions made after it; without it deletes are left out. */
  since?: Date;
}

export interface CandidatesAsked {
  /** Equality keys of search parameters. */
  keys: readonly number[];
  ids: readonly string[];
  after: Date;
  most: number;
}

/** What is stored, as an export walks it. */
export abstract class ExportSource {
  /**
   * The resources of a type in the order of their ids, from behind `after`: a bounded number and a bounded size (at least one). None: the
   * end. Each comes up once in a walk, however it changes meanwhile.
   * @param only ids, in order: no other resources come up
   */
  abstract page(type: string, after: string, bounds: ExportBounds, only?: readonly string[]): Promise<ExportedVersion[]>;
  /**
   * Ids in order, among which is every resource of the type that had one of the keys or ids at any moment after `after`. Undefined where that
   * would be more than `most`.
   */
  abstract candidates(type: string, asked: CandidatesAsked): Promise<string[] | undefined>;
  /** The text of one resource as it was then; null where it was deleted, undefined where it did not exist. */
  abstract bodyAt(type: string, id: string, until: Date): Promise<string | null | undefined>;
}
