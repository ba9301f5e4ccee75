import { openSegment, type Segment, latestNumber } from './segments.js';

/**
 * The numbers of a subscription's events go on without gap or repeat, whatever it joins, leaves and joins again: a new segment begins
 * with the number after the last one given. `n` is how many events the group had when the change of the Subscription came in the log.
 */
export function joinGroup(segments: readonly Segment[], groupId: number, n: number): readonly Segment[] {
  const open = openSegment(segments);
  if (open?.groupId === groupId) return segments;
  if (open !== undefined) throw new Error('A subscription leaves its group before it joins another');
  return [...segments, { groupId, afterN: n, firstNumber: latestNumber(segments, n) + 1 }];
}

/** Events of the group after `n` no longer count for the subscription. */
export function leaveGroup(segments: readonly Segment[], n: number): readonly Segment[] {
  const open = openSegment(segments);
  if (open === undefined) return segments;
  return [...segments.slice(0, -1), { ...open, untilN: n }];
}
