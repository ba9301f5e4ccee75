import { isPushed } from '../subscriptions/is-pushed.js';
import type { Passage, Resends } from '../subscriptions/resends.js';
import type { Line } from './line.js';
import type { Lines } from './lines.js';
import type { Again } from './next-step.js';

/** Events asked for again, under their old numbers. The cursor stays where it is: only the request moves. */
export class Repetitions {
  constructor(private readonly resends: Resends) {}

  /**
   * Requests to send events again are read here, so that they outlive whoever took them; one that was cancelled is gone from them. Returns
   * the lines that have something to do.
   */
  async look(lines: Lines, shards: readonly number[]): Promise<Line[]> {
    const waiting = new Map((await this.resends.waiting(shards)).map((request) => [request.subscriptionId, request]));
    for (const line of lines.all()) {
      if (line.again && waiting.get(line.id)?.id !== line.again.id) line.again = undefined;
    }
    await lines.load([...waiting.keys()].filter((id) => !lines.get(id)));
    const concerned: Line[] = [];
    for (const { id, subscriptionId, next, last, failedOnly, rate } of waiting.values()) {
      const line = lines.get(subscriptionId);
      if (!line) continue;
      const why = hindrance(line);
      if (why !== undefined) await this.resends.giveUp(id, why);
      else line.again ??= { id, next, last, failedOnly, rate, limit: Number.MAX_SAFE_INTEGER, notBefore: 0 };
      concerned.push(line);
    }
    return concerned;
  }

  /** Where the next event of the request lies; undefined where there is none left. */
  async nextOf(line: Line, { failedOnly, next, last }: Again): Promise<number | undefined> {
    return failedOnly ? this.resends.nextFailed(line.id, next, last) : next;
  }

  /** Writes down how far request `id` has come, and with events that had been set aside what became of them. */
  async pass(line: Line, id: number, passage: Passage, now: number): Promise<void> {
    const goesOn = await this.resends.pass({ id, subscriptionId: line.id }, passage);
    const { again } = line;
    if (again?.id !== id) return;
    if (!goesOn) line.again = undefined;
    else advance(again, passage, now);
  }
}

/** Switched off since, or its events leave in another way now: what it wants again then, it asks for again. */
function hindrance({ definition }: Line): string | undefined {
  if (definition.status === 'off') return 'The Subscription was switched off';
  return isPushed(definition) ? undefined : 'The Subscription sends over sockets now';
}

function advance(again: Again, passage: Passage, now: number): void {
  if (passage.kind === 'gone') {
    again.next = passage.next;
    return;
  }
  const [first, last] = passage.kind === 'sent' ? [passage.first, passage.last] : [passage.number, passage.number];
  again.next = last + 1;
  if (again.rate !== undefined) again.notBefore = now + ((last - first + 1) / again.rate) * 1000;
}
