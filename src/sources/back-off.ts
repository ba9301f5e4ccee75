const FIRST_SECONDS = 1;
const LONGEST_SECONDS = 300;
/** A source that asks for more than this is asked again anyway. */
const LONGEST_RETRY_AFTER_SECONDS = 86_400;

/**
 * How long to leave a source alone after `failures` failed polls in a row: doubling from a second to five minutes (or to the interval,
 * where that is longer), spread by `random` in [0, 1) over the upper half, and never less than the source asked for.
 */
export function backOffMilliseconds(
  failures: number,
  intervalSeconds: number,
  random: number,
  retryAfterMilliseconds = 0,
): number {
  const most = Math.max(LONGEST_SECONDS, intervalSeconds);
  const seconds = Math.min(most, FIRST_SECONDS * 2 ** Math.min(failures - 1, 30));
  const spread = seconds * 1_000 * (0.5 + random / 2);
  return Math.round(Math.max(spread, Math.min(retryAfterMilliseconds, LONGEST_RETRY_AFTER_SECONDS * 1_000)));
}
