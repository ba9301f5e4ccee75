import { setImmediate as yieldToOthers } from 'node:timers/promises';

/** Runs work that comes in small steps, and gives the thread to others whenever so much time has passed. */
export async function inSlices<Outcome>(work: Iterator<void, Outcome>, milliseconds: number): Promise<Outcome> {
  let deadline = performance.now() + milliseconds;
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    if (performance.now() < deadline) continue;
    await yieldToOthers();
    deadline = performance.now() + milliseconds;
  }
}
