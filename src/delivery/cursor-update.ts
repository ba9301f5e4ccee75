import { faultText } from '../subscriptions/endpoint-fault.js';
import { isPushed } from '../subscriptions/is-pushed.js';
import type { CursorUpdate } from './cursor-store.js';
import type { Line } from './line.js';
import type { Step } from './next-step.js';

/** What is to be kept of a line, where `step` is what it wants next. */
export function cursorUpdate(line: Line, step: Step, sent: boolean, now: number): CursorUpdate {
  const due = step.kind === 'rest' ? step.until : undefined;
  return {
    subscriptionId: line.id,
    life: line.life,
    shard: line.shard,
    acknowledged: line.acknowledged,
    failures: line.failures,
    dueInMs: due === undefined ? undefined : Math.max(0, due - now),
    verifiedVersion: line.verifiedVersion,
    lastError: line.fault && faultText(line.fault),
    sent,
    pushed: isPushed(line.definition),
  };
}
