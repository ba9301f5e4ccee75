import { setTimeout as wait } from 'node:timers/promises';

/**
 * Waits until `look` yields something other than undefined or false, and returns it. An error thrown by `look` counts as "not yet" and
 * is told when the time is over, which is long: it only bounds a failure, on a machine that may be busy with much else.
 */
export async function waitFor<T>(
  look: () => T | undefined | false | Promise<T | undefined | false>,
  options: { milliseconds?: number; stepMilliseconds?: number; what?: string } = {},
): Promise<T> {
  const { milliseconds = 60_000, stepMilliseconds = 10, what = 'the condition' } = options;
  const deadline = performance.now() + milliseconds;
  for (;;) {
    let last: unknown;
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) throw new Error(`Waited ${milliseconds} ms in vain for ${what}`, { cause: last });
    await wait(stepMilliseconds);
  }
}
