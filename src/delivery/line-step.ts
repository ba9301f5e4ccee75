import { latestNumber, openSegment, stretchesOf, type Stretch } from '../subscriptions/segments.js';
import type { EventWindow } from './event-window.js';
import type { Line } from './line.js';
import { nextStep, type Step } from './next-step.js';

/** Looks how far the line's events have come, and says what it wants now. */
export function stepOf(line: Line, window: EventWindow, handshakeDelayMs: number): Step {
  const open = openSegment(line.segments);
  line.latest = latestNumber(line.segments, open ? (window.lastN(open.groupId) ?? open.afterN) : 0);
  return nextStep(line, Date.now(), handshakeDelayMs);
}

/** Where the line's events from `first` on lie: those of them that lie together in one group's log. */
export function stretchOf(line: Line, window: EventWindow, first: number, last: number, limit: number): Stretch | undefined {
  const open = openSegment(line.segments);
  const lastN = open && window.lastN(open.groupId);
  return stretchesOf(line.segments, { first, last }, lastN ?? 0, limit)[0];
}
