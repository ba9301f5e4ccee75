/**
 * A stretch of a group's log that belongs to a subscription: events (afterN, untilN] bear the numbers firstNumber, firstNumber + 1 …
 * The last one may be open (`untilN` undefined): it grows with the group.
 */
export interface Segment {
  groupId: number;
  afterN: number;
  untilN?: number;
  firstNumber: number;
  /** Events of the group up to here are no longer kept; their numbers stay used. */
  goneN?: number;
}

/** Events of a subscription that lie together in one group's log. */
export interface Stretch {
  groupId: number;
  afterN: number;
  untilN: number;
  /** Number of the first event of the stretch. */
  firstNumber: number;
}

/** The segment that still grows, if the subscription takes events. */
export function openSegment(segments: readonly Segment[]): Segment | undefined {
  const last = segments.at(-1);
  return last?.untilN === undefined ? last : undefined;
}

/** Number of the newest event, where the group of the open segment (if any) stands at `lastN`. */
export function latestNumber(segments: readonly Segment[], lastN: number): number {
  const last = segments.at(-1);
  if (!last) return 0;
  return last.firstNumber - 1 + Math.max(0, (last.untilN ?? lastN) - last.afterN);
}

/**
 * Where the events numbered `first` to `last` (both included) lie, in order, and at most `limit` of them. `lastN` as above. Segments
 * hold the numbers without a gap: what is asked for and not found was never given out, or is no longer kept.
 */
export function stretchesOf(
  segments: readonly Segment[],
  numbers: { first: number; last: number },
  lastN: number,
  limit = Number.MAX_SAFE_INTEGER,
): Stretch[] {
  const stretches: Stretch[] = [];
  let room = limit;
  for (const segment of segments) {
    const length = Math.max(0, (segment.untilN ?? lastN) - segment.afterN);
    const gone = Math.max(0, (segment.goneN ?? 0) - segment.afterN);
    const from = Math.max(numbers.first, segment.firstNumber + gone);
    const to = Math.min(numbers.last, segment.firstNumber + length - 1, from + room - 1);
    if (to < from) continue;
    const afterN = segment.afterN + (from - segment.firstNumber);
    stretches.push({ groupId: segment.groupId, afterN, untilN: afterN + (to - from) + 1, firstNumber: from });
    room -= to - from + 1;
    if (room === 0) break;
  }
  return stretches;
}

/**
 * Of two readings of one subscription's segments, the one that was made later: segments are only ever closed and added, and what is
 * gone only ever grows.
 */
export function laterSegments(a: readonly Segment[], b: readonly Segment[]): readonly Segment[] {
  if (a.length !== b.length) return a.length > b.length ? a : b;
  if (b.at(-1)?.untilN !== undefined) return b;
  return b.some(({ goneN = 0 }, index) => goneN > (a[index]?.goneN ?? 0)) && a.at(-1)?.untilN === undefined ? b : a;
}
