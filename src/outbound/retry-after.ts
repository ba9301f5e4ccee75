/**
 * Milliseconds that a `Retry-After` header asks for: seconds, or an HTTP date, which is read against `now` (of whichever clock is at hand;
 * without one it says nothing). May be as large as the endpoint likes, Infinity too: who waits has a bound.
 */
export function retryAfterMs(header: string | string[] | undefined, now: number | undefined): number | undefined {
  const text = (Array.isArray(header) ? header[0] : header)?.trim();
  if (!text) return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  // Date.parse reads more than HTTP dates, `-5` for one.
  const date = /^[A-Za-z]/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(date) || now === undefined ? undefined : Math.max(0, date - now);
}
