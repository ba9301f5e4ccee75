/**
 * Lets equal conditional requests act one after the other, on all processes: what one creates the next one finds. The key is the
 * condition, for example `Patient?identifier=a|1`.
 */
export abstract class ConditionLocks {
  /** Runs `work` while nobody else holds any of the keys. */
  abstract hold<T>(keys: readonly string[], work: () => Promise<T>): Promise<T>;
}
