export interface BackoffSettings {
  backoffMilliseconds: number;
  backoffCeilingSeconds: number;
}

const JITTER = 0.15;

/**
 * Milliseconds to wait after the `failures`-th failure in a row: doubling from the first pause to the ceiling, with up to 15 % on top so
 * that those who failed together do not come back together. Never shorter than what the endpoint itself asked for (`Retry-After`,
 * up to a day).
 */
export function pauseAfter(failures: number, settings: BackoffSettings, random: number, retryAfterMs = 0): number {
  const plain = Math.min(settings.backoffMilliseconds * 2 ** Math.min(failures - 1, 40), settings.backoffCeilingSeconds * 1000);
  return Math.max(plain * (1 + JITTER * random), Math.min(retryAfterMs, 24 * 3600 * 1000));
}

/** How many failures in a row it takes until their pauses add up to `seconds`. */
export function failuresWithin(seconds: number, settings: BackoffSettings): number {
  let total = 0;
  let failures = 0;
  while (total < seconds) {
    failures += 1;
    const pause = pauseAfter(failures, settings, 0) / 1000;
    total += pause;
    if (pause >= settings.backoffCeilingSeconds) return failures + Math.ceil(Math.max(0, seconds - total) / pause);
  }
  return failures;
}
