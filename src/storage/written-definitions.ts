/** The search definitions that a store's index rows are made by. */
export interface WrittenDefinitions {
  /** Of what the next rows are made by; counted by the database, which refuses rows of another generation. */
  readonly generation: number;
  /** Learns the database's definitions; rows made after it are made by them. */
  refresh(): Promise<void>;
  /** Definitions were written: told before the writer hears that they are stored. Does not fail. */
  changed(): Promise<void>;
}

/** The official definitions alone, for as long as there are no others. */
export const NO_DEFINITIONS: WrittenDefinitions = {
  generation: 0,
  refresh: async () => {},
  changed: async () => {},
};
