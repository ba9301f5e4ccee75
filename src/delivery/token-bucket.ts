/**
 * A token for each request: in any stretch of t seconds at most `rate * t + burst` are taken. The burst is a tenth of a second's worth, so
 * that high rates are reached with timers of a millisecond, and at least one. Times are milliseconds on one clock.
 */
export class TokenBucket {
  private tokens: number;
  private at: number;

  constructor(
    private rate: number,
    now: number,
  ) {
    this.tokens = burstOf(rate);
    this.at = now;
  }

  /** What was saved up at the old rate is not more than the new one's burst. */
  setRate(rate: number, now: number): void {
    if (rate === this.rate) return;
    this.refill(now);
    this.rate = rate;
    this.tokens = Math.min(this.tokens, burstOf(rate));
  }

  /** Milliseconds until there is a token; 0: there is one; Infinity at a rate of zero. */
  waitMs(now: number): number {
    this.refill(now);
    return this.tokens >= 1 ? 0 : ((1 - this.tokens) / this.rate) * 1000;
  }

  /** Takes a token that {@link waitMs} has seen. */
  take(now: number): void {
    this.refill(now);
    this.tokens -= 1;
  }

  /** Whether nothing is remembered that a new bucket would not know. */
  isFull(now: number): boolean {
    this.refill(now);
    return this.tokens >= burstOf(this.rate);
  }

  private refill(now: number): void {
    const elapsed = Math.max(0, now - this.at);
    this.at = Math.max(this.at, now);
    this.tokens = Math.min(burstOf(this.rate), this.tokens + (elapsed / 1000) * this.rate);
  }
}

const burstOf = (rate: number): number => Math.max(1, rate / 10);
