import { clearRunFolder } from './run-folder.js';

/** Stops the run's PostgreSQL, then ends what tests left behind and says so. */
export async function endRun(): Promise<void> {
  const run = globalThis.testRun;
  if (run === undefined) return;
  await run.server?.stop();
  const left = await clearRunFolder(run.folder);
  if (left.length > 0) console.error(`Tests left processes behind, now ended, in ${left.join(', ')}`);
}
