import { existsSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { processesIn, processIdentity, signal, until } from './processes.js';

/**
 * Clears what a killed hub or a killed PostgreSQL left in a data folder: a server still running (stopped cleanly, its data is whole
 * then), children that outlived their server, and files that name a dead process. The caller holds the lock of the DATA_DIR, so
 * whatever runs here belongs to no living hub. Returns a word on what was found, for the log.
 */
export async function clearLeftovers(dataFolder: string): Promise<'none' | 'stale files' | 'orphan processes'> {
  if (!existsSync(dataFolder)) return 'none';
  const folder = realpathSync(dataFolder);
  const pidFile = join(folder, 'postmaster.pid');
  const orphans = processesIn(folder);
  if (orphans.length > 0) await stopOrphans(folder, firstLine(pidFile));
  const isStale = existsSync(pidFile);
  for (const name of ['postmaster.pid', '.s.PGSQL.5432', '.s.PGSQL.5432.lock']) rmSync(join(folder, name), { force: true });
  return orphans.length > 0 ? 'orphan processes' : isStale ? 'stale files' : 'none';
}

/** Ever harder: a fast shutdown writes everything back, an immediate one leaves it to recovery, and then there is no more asking. */
async function stopOrphans(folder: string, postmaster: number | undefined): Promise<void> {
  const gone = () => processesIn(folder).length === 0;
  if (postmaster !== undefined && processesIn(folder).includes(postmaster)) {
    signal(postmaster, 'SIGINT');
    if (await until(gone, 8_000)) return;
    signal(postmaster, 'SIGQUIT');
  }
  // Children notice the death of their server by themselves, most of them at once.
  if (await until(gone, 3_000)) return;
  for (const pid of processesIn(folder)) signal(pid, 'SIGKILL');
  if (!(await until(gone, 5_000))) {
    const rest = processesIn(folder).filter((pid) => processIdentity(pid) !== undefined);
    if (rest.length > 0)
      throw new Error(
        `A PostgreSQL of an earlier run (process ${rest.join(', ')}) still works in ${folder} and cannot be stopped.`,
      );
  }
}

function firstLine(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, 'utf8').split('\n')[0]);
    return Number.isInteger(pid) && pid > 1 ? pid : undefined;
  } catch {
    return undefined;
  }
}
