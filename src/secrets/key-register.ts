/** The keys that the database's secrets are sealed under, by their ids, as all processes on that database see them. */
export abstract class KeyRegister {
  abstract ids(): Promise<readonly string[]>;
  /**
   * Enters the key before the first secret is sealed under it, unless it is there. Never beside a key that this process does not have:
   * then another process works with other keys, and each could not open what the other sealed.
   * @returns false where there is such a key
   */
  abstract enter(id: string, own: ReadonlySet<string>): Promise<boolean>;
  /** Whether a write failed because its key is (no longer) in the register: a rotation has dropped it. */
  abstract isMissing(error: unknown): boolean;
}
