/**
 * In how many parts the filter groups of all subscriptions fall, so that several processes share matching. Stored: every part has its own
 * place in the change log (`matching_position`), so another number needs a migration.
 */
export const PARTITIONS = 8;

/** All parts, as the only process there is holds them. */
export const EVERY_PARTITION: readonly number[] = Array.from({ length: PARTITIONS }, (_, partition) => partition);

/** The part a filter group belongs to for life: the lowest bits of the first byte of its fingerprint (as SQL has it, too). */
export function partitionOf(groupFingerprint: string): number {
  return Number.parseInt(groupFingerprint.slice(0, 2), 16) % PARTITIONS;
}
