/** The oldest event owed to some subscriptions of a channel, by its place in the numbered log. */
export interface OwedPlace {
  channel: string;
  groupId: number;
  n: number;
}

/** The oldest transaction that writes: what commits after it is not matched before it ends. */
export interface LogHorizon {
  /** -1 where a prepared transaction holds it, which has no process. */
  pid: number;
  seconds: number;
  /** What an operator needs to find it; never its statement. */
  applicationName?: string;
  database?: string;
  state?: string;
}

/** What only the database knows, of all processes together. Ages in seconds by the database's clock. */
export interface Figures {
  subscriptions: ReadonlyMap<string, number>;
  deadLetters: number;
  replays: number;
  shards: { held: number; free: number };
  /** Rights to match, by who holds them. */
  matching: { own: number; others: number; nobody: number };
  processes: number;
  unmatched: { changes: number; seconds: number };
  /** What the full-text index does not hold yet. */
  unindexed: { changes: number; seconds: number };
  horizon: LogHorizon | undefined;
  sources: { well: number; failing: number; lagSeconds: number };
  /** Those of clients: in use, being indexed; resources that walks under way have still to look at. */
  searchParameters: { usable: number; indexing: number; left: number };
  /** Age of the oldest event of the places asked for, by channel. */
  oldestOwedSeconds: ReadonlyMap<string, number>;
}

/** The figures, read by statements that are cheap enough to be asked every few seconds. */
export abstract class DatabaseFigures {
  /** @throws when the database does not answer in time */
  abstract read(places: readonly OwedPlace[]): Promise<Figures>;
  /** Who holds the log back; undefined where nobody does. @throws as {@link read} */
  abstract horizon(): Promise<LogHorizon | undefined>;
}
