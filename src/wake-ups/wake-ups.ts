/**
 * What a stage may be woken for: `changes` = rows in the change log, `events` = rows in the numbered log, `full-text` = a search waits for
 * the full-text index.
 */
export const WAKE_UPS = ['changes', 'events', 'full-text'] as const;
export type WakeUp = (typeof WAKE_UPS)[number];

/**
 * Starts the next stage sooner, in this process at once and in the others within some 20 ms. A wake-up carries no data and may be
 * lost: every stage also polls.
 */
export abstract class WakeUps {
  abstract send(wakeUp: WakeUp): void;
  /** Returns the function that stops listening. Listeners must not throw. */
  abstract on(wakeUp: WakeUp, listener: () => void): () => void;
}

/** Wake-ups inside one process; also the twin for tests. */
export class LocalWakeUps extends WakeUps {
  private readonly listeners: Record<WakeUp, Set<() => void>> = {
    changes: new Set(),
    events: new Set(),
    'full-text': new Set(),
  };

  send(wakeUp: WakeUp): void {
    for (const listener of this.listeners[wakeUp]) listener();
  }

  on(wakeUp: WakeUp, listener: () => void): () => void {
    this.listeners[wakeUp].add(listener);
    return () => this.listeners[wakeUp].delete(listener);
  }
}
