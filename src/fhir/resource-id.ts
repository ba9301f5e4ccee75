import { randomUUID } from 'node:crypto';

/** Counts of one millisecond. */
const MOST_COUNTED = 0xfff;

/**
 * Ids for new resources: UUIDs of version 7 (https://www.rfc-editor.org/rfc/rfc9562#section-5.7), each greater than the one before it, so
 * that new rows lie side by side in the indexes by id. 62 bits are random: knowing one id is no help in guessing another.
 */
export class ResourceIds {
  private at = 0;
  private count = 0;
  /** The part that tells the millisecond, with the version's digit behind it. */
  private time = '';

  /** @param now milliseconds since 1970; may run backwards, the ids do not */
  constructor(
    private readonly now: () => number = Date.now,
    private readonly random: () => string = randomUUID,
  ) {}

  next(): string {
    const now = this.now();
    if (now > this.at) this.begin(now);
    else if (this.count === MOST_COUNTED) this.begin(this.at + 1);
    else this.count += 1;
    return `${this.time}${this.count.toString(16).padStart(3, '0')}${this.random().slice(RANDOM_FROM)}`;
  }

  private begin(at: number): void {
    this.at = at;
    this.count = 0;
    const digits = at.toString(16).padStart(12, '0');
    this.time = `${digits.slice(0, 8)}-${digits.slice(8)}-7`;
  }
}

/** Where the random half of a UUID begins, the hyphen before it and the variant included. */
const RANDOM_FROM = 18;

const ids = new ResourceIds();

/** The id of a resource that the hub names. */
export function newResourceId(): string {
  return ids.next();
}
