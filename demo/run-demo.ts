/** Longer than any demo takes on a machine that is busy otherwise. */
const LONGEST_MS = 180_000;

/** What a demo has opened, to be closed at its end, the last first. */
export const closing: (() => unknown)[] = [];

/**
 * Runs a demo to its end, whatever that is: done, failed, interrupted, or too long. Then closes what it opened and ends the process, with
 * 0 only if `demonstrate` says that all went as promised.
 */
export async function runDemo(demonstrate: () => Promise<boolean>): Promise<void> {
  const giveUp = setTimeout(() => void finish(1, 'The demo took longer than three minutes.'), LONGEST_MS);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void finish(1, 'Interrupted.'));
  process.once('uncaughtException', (error) => void finish(1, String(error.stack)));
  try {
    await finish((await demonstrate()) ? 0 : 1);
  } catch (error) {
    await finish(1, error instanceof Error ? String(error.stack) : String(error));
  }

  async function finish(code: number, why?: string): Promise<void> {
    clearTimeout(giveUp);
    if (why !== undefined) console.error(why);
    for (const close of closing.splice(0).reverse()) {
      try {
        await close();
      } catch {
        // What cannot be closed any more ends with the process.
      }
    }
    process.exit(code);
  }
}
