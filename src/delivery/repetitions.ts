import type { Resends } from '../subscriptions/resends.js';
import type { Line } from './line.js';
import type { Lines } from './lines.js';

/** Events asked for again, under their old numbers. The cursor stays where it is: only the request moves. */
export class Repetitions {
  constructor(private readonly resends: Resends) {}

  /** Requests to send events again are read here, so that they outlive whoever took them. Returns the lines that have something to do. */
  async look(lines: Lines, shards: readonly number[]): Promise<Line[]> {
    const waiting = await this.resends.waiting(shards);
    if (waiting.length === 0) return [];
    await lines.load(waiting.map(({ subscriptionId }) => subscriptionId).filter((id) => !lines.get(id)));
    const concerned: Line[] = [];
    for (const { id, subscriptionId, next, last } of waiting) {
      const line = lines.get(subscriptionId);
      if (!line) continue;
      // Switched off since: what it wants again then, it asks for again.
      if (line.definition.status === 'off') await this.resends.advance(id, last + 1);
      else line.again ??= { id, next, last, limit: Number.MAX_SAFE_INTEGER };
      concerned.push(line);
    }
    return concerned;
  }

  /** What lies before `next` was sent, or cannot be. */
  async pass(line: Line, next: number): Promise<void> {
    const { again } = line;
    if (!again) return;
    await this.resends.advance(again.id, next);
    again.next = next;
    if (next > again.last) line.again = undefined;
  }
}
