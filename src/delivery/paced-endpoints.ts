import type { AttemptPlaces, Place, Wish } from './attempt-places.js';
import { type Clock, processClock } from './clock.js';
import { TokenBucket } from './token-bucket.js';

interface Waiting {
  host: string;
  granted: (place: Place) => void;
}

interface PacedEndpoint {
  bucket: TokenBucket;
  /** In the order of their turns. Each subscription asks for one at a time, so none gets two while another waits. */
  waiting: Set<Waiting>;
  /** The first of them has its token at hand and waits for a place. */
  wish?: Wish;
  cancelLook?: () => void;
}

/** Limits change; who waits looks again this often. */
const LOOK_MS = 1000;
/** With fewer endpoints nobody looks for those at rest. */
const FEW = 1000;

/**
 * The way to a place for an attempt: where an endpoint's rate is limited, through its bucket. Who waits for the bucket holds no place; the
 * token is taken when the place is, so that requests are spaced as they leave.
 */
export class PacedEndpoints {
  private readonly endpoints = new Map<string, PacedEndpoint>();
  /** With so many endpoints, those at rest are forgotten. */
  private many = FEW;

  constructor(
    private readonly places: AttemptPlaces,
    /** Requests a second that this process may make to an endpoint now; undefined: as many as it likes. */
    private readonly rateOf: (endpoint: string) => number | undefined,
    private readonly clock: Clock = processClock,
  ) {}

  ask(endpoint: string, host: string, granted: (place: Place) => void): Wish {
    const rate = this.rateOf(endpoint);
    const known = this.endpoints.get(endpoint);
    if (rate === undefined && !known?.waiting.size) return this.places.ask(host, granted);
    const paced = known ?? this.newEndpoint(endpoint, rate ?? 0);
    const waiting = { host, granted };
    paced.waiting.add(waiting);
    this.look(endpoint, paced);
    return { withdraw: () => this.withdraw(endpoint, paced, waiting) };
  }

  get waiting(): number {
    let sum = 0;
    for (const { waiting } of this.endpoints.values()) sum += waiting.size;
    return sum;
  }

  /** Lets the first one go on if there is a token for it, or looks again when there may be one. */
  private look(endpoint: string, paced: PacedEndpoint): void {
    paced.cancelLook?.();
    paced.cancelLook = undefined;
    while (!paced.wish) {
      const [first] = paced.waiting;
      if (!first) return;
      const waitMs = this.waitOf(endpoint, paced.bucket);
      if (waitMs > 0) {
        paced.cancelLook = this.clock.after(Math.ceil(Math.min(waitMs, LOOK_MS)), () => this.look(endpoint, paced));
        return;
      }
      this.askForPlace(endpoint, paced, first);
    }
  }

  private waitOf(endpoint: string, bucket: TokenBucket): number {
    const rate = this.rateOf(endpoint);
    if (rate === undefined) return 0;
    const now = this.clock.now();
    bucket.setRate(rate, now);
    return bucket.waitMs(now);
  }

  private askForPlace(endpoint: string, paced: PacedEndpoint, first: Waiting): void {
    let granted = false;
    const wish = this.places.ask(first.host, (place) => {
      granted = true;
      paced.wish = undefined;
      paced.waiting.delete(first);
      paced.bucket.take(this.clock.now());
      first.granted(place);
      this.look(endpoint, paced);
    });
    if (!granted) paced.wish = wish;
  }

  private withdraw(endpoint: string, paced: PacedEndpoint, waiting: Waiting): void {
    const [first] = paced.waiting;
    if (first === waiting && paced.wish) {
      paced.wish.withdraw();
      paced.wish = undefined;
    }
    if (paced.waiting.delete(waiting)) this.look(endpoint, paced);
  }

  private newEndpoint(endpoint: string, rate: number): PacedEndpoint {
    const now = this.clock.now();
    if (this.endpoints.size >= this.many) {
      for (const [key, { waiting, bucket }] of this.endpoints)
        if (waiting.size === 0 && bucket.isFull(now)) this.endpoints.delete(key);
      this.many = Math.max(FEW, 2 * this.endpoints.size);
    }
    const paced: PacedEndpoint = { bucket: new TokenBucket(rate, now), waiting: new Set() };
    this.endpoints.set(endpoint, paced);
    return paced;
  }
}
