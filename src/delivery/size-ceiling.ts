/** What a refusal by size (413) taught: notifications of several events are to have no more than these bytes. */
export interface SizeCeiling {
  readonly bytes: number;
  /** When it was learnt, in milliseconds. */
  readonly at: number;
}

const RAISED_EVERY_MS = 10 * 60_000;

/** Half of what was too large at `now`: if that is too large as well, half of it follows, and so on down to a single event. */
export function ceilingBelow(bytes: number, now: number): SizeCeiling {
  return { bytes: Math.floor(bytes / 2), at: now };
}

/**
 * Bytes that may go out at `now`. Twice as many after ten minutes, and after each ten minutes more: an endpoint that cannot take more refuses one
 * notification in that time, and of one that has learnt to nothing is kept.
 */
export function bytesUnder(ceiling: SizeCeiling | undefined, now: number): number {
  return ceiling === undefined ? Infinity : ceiling.bytes * 2 ** Math.max(0, Math.floor((now - ceiling.at) / RAISED_EVERY_MS));
}
