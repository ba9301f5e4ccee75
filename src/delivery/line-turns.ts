import type { SubscriptionDefinition } from '../subscriptions/subscription-definition.js';
import type { Log } from '../telemetry/log.js';
import type { Place } from './attempt-places.js';
import { composePush } from './compose-push.js';
import { concludeAttempt } from './conclude-attempt.js';
import type { CursorFlush } from './cursor-flush.js';
import { cursorUpdate } from './cursor-update.js';
import type { DeliverySettings } from './delivery-settings.js';
import type { EventWindow } from './event-window.js';
import type { Line } from './line.js';
import { stepOf } from './line-step.js';
import type { PacedEndpoints } from './paced-endpoints.js';
import type { Push, PushChannel, PushOutcome } from './push-channel.js';
import type { Repetitions } from './repetitions.js';
import type { StatusMoves } from './status-moves.js';

/** Who waits longer than this waits in the table. */
const LONGEST_TIMER_MS = 60_000;

export interface TurnParts {
  window: EventWindow;
  flush: CursorFlush;
  endpoints: PacedEndpoints;
  repetitions: Repetitions;
  moves: StatusMoves;
  channelOf: (definition: SubscriptionDefinition) => PushChannel | undefined;
  /** Whether this process may serve the shard at this moment. */
  holds: (shard: number) => boolean;
  /** Reads the line's Subscription again. */
  reload: (line: Line) => void;
  settings: DeliverySettings;
  random: () => number;
  log: Log;
}

/** Serves lines: each strictly in order, one attempt at a time; all of them side by side, as far as there are places. */
export class LineTurns {
  private stopped = true;

  constructor(private readonly parts: TurnParts) {}

  start(): void {
    this.stopped = false;
  }

  /** No turn begins any more. */
  stop(): void {
    this.stopped = true;
  }

  /** Does what the line wants now, if it wants something and nothing is under way for it. */
  pump(line: Line): void {
    if (line.busy || line.dropped || this.stopped || !this.parts.holds(line.shard)) return;
    const step = this.step(line);
    if (step.kind === 'rest') return this.rest(line, step.until);
    line.busy = true;
    clearTimeout(line.timer);
    line.timer = undefined;
    if (step.kind === 'end' || step.kind === 'activate') {
      const status = step.kind === 'end' ? 'off' : 'active';
      void this.turn(line, () => this.parts.moves.move(line, status));
      return;
    }
    this.askForPlace(line);
  }

  /** What only waits for its turn does not wait any longer. */
  withdraw(line: Line): void {
    if (!line.wish) return;
    line.wish.withdraw();
    line.wish = undefined;
    line.busy = false;
  }

  /** Has the line's cursor written down as it is now. */
  keep(line: Line, sent: boolean): void {
    this.parts.flush.keep(cursorUpdate(line, this.step(line), sent, Date.now()));
  }

  /** It has been under way, or waiting, for longer than its cursor says: that is to be looked at again later, not at once. */
  keepBusy(line: Line): void {
    this.parts.flush.keep({ ...cursorUpdate(line, this.step(line), false, Date.now()), dueInMs: LONGEST_TIMER_MS });
  }

  private askForPlace(line: Line): void {
    let granted = false;
    const wish = this.parts.endpoints.ask(line.endpoint, line.host, (place) => {
      granted = true;
      line.wish = undefined;
      void this.turn(line, () => this.attempt(line, place));
    });
    if (!granted) line.wish = wish;
  }

  private step(line: Line) {
    return stepOf(line, this.parts.window, this.parts.settings.handshakeDelayMs);
  }

  private rest(line: Line, until: number | undefined): void {
    clearTimeout(line.timer);
    line.timer = undefined;
    if (until === undefined) return;
    const wait = until - Date.now();
    if (wait <= LONGEST_TIMER_MS) line.timer = setTimeout(() => this.pump(line), Math.max(wait, 1));
  }

  private async turn(line: Line, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      // Ours, not the endpoint's: the database is away, for example. Not a failure of the subscription.
      this.parts.log.warn({ err: error, subscription: line.id }, 'delivery.turn-failed');
      if (!this.stopped) await new Promise((resolve) => setTimeout(resolve, 500));
    }
    line.busy = false;
    if (line.stale) this.parts.reload(line);
    else this.pump(line);
  }

  private async attempt(line: Line, place: Place): Promise<void> {
    let push: Push | undefined;
    let outcome: PushOutcome;
    try {
      // Things may have changed while a place was waited for.
      if (line.dropped || this.stopped) return;
      push = await composePush(line, this.step(line), this.parts);
      const channel = push && this.parts.channelOf(push.definition);
      if (!push || !channel) return;
      outcome = await channel.send(push);
    } finally {
      place.leave();
    }
    if (line.abort.signal.aborted) return;
    // A greeting of an endpoint that is no longer the one to greet proves nothing.
    if (push.kind === 'handshake' && push.definition !== line.definition) return;
    const status = await concludeAttempt(line, push, outcome, this.parts);
    this.keep(line, true);
    if (status) await this.parts.moves.move(line, status);
  }
}
