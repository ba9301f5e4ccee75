import { joinGroup, leaveGroup } from './event-numbering.js';
import type { Segment } from './segments.js';

/** A segment with its place among those of its subscription. */
export interface OrdinalSegment extends Segment {
  ordinal: number;
}

export type SegmentStep = { kind: 'join'; groupId: number; n: number } | { kind: 'leave'; n: number } | { kind: 'forget' };

/** What steps come to for one subscription: the segments to write, and whether everything from before is to go first. */
export interface SegmentOutcome {
  forgotten: boolean;
  /** A cursor is wanted. */
  joined: boolean;
  /** New ones and those that were closed. */
  segments: readonly OrdinalSegment[];
}

/** Plays the steps of one subscription in order on the last segment it had. */
export function playSteps(last: OrdinalSegment | undefined, steps: readonly SegmentStep[]): SegmentOutcome {
  let base = last?.ordinal ?? 1;
  let segments: readonly Segment[] = last === undefined ? [] : [last];
  let forgotten = false;
  let joined = false;
  for (const step of steps) {
    switch (step.kind) {
      case 'forget':
        segments = [];
        base = 1;
        forgotten = true;
        joined = false;
        break;
      case 'leave':
        segments = leaveGroup(segments, step.n);
        break;
      case 'join':
        segments = joinGroup(segments, step.groupId, step.n);
        joined = true;
    }
  }
  return { forgotten, joined, segments: segments.map((segment, index) => ({ ...segment, ordinal: base + index })) };
}
