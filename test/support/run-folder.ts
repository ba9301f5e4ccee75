import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processIdentity, processesIn, signal, until } from '../../src/storage/postgres/processes.js';

const PREFIX = 'carillon-test-';

/** The folder of this Jest run, in which every process that a test starts works. Set by the global setup for all workers. */
export function runFolder(): string {
  const folder = process.env['CARILLON_TEST_RUN'];
  if (folder === undefined) throw new Error('The test run has no folder: the global setup did not run');
  return folder;
}

/** A new empty folder, removed with the run. */
export function newFolder(name: string): string {
  return mkdtempSync(join(runFolder(), `${name}-`));
}

/** Named after the process that runs Jest, so that a later run can tell whether that is still alive. */
export function makeRunFolder(): string {
  const folder = join(tmpdir(), `${PREFIX}${process.pid}-${beginningOf(process.pid)}`);
  mkdirSync(folder, { mode: 0o755 });
  return folder;
}

/** When a process began, in eight letters: paths of sockets must be short. */
function beginningOf(pid: number): string {
  const identity = processIdentity(pid) ?? 'none';
  return createHash('sha256').update(identity).digest('hex').slice(0, 8);
}

/** Ends whatever still works in a run's folder and removes it. Returns the folders in which processes had to be ended. */
export async function clearRunFolder(folder: string): Promise<string[]> {
  const left = processesIn(folder);
  const places = [...new Set(left.map((pid) => placeOf(pid)))];
  for (const pid of left) signal(pid, 'SIGKILL');
  await until(() => processesIn(folder).length === 0, 10_000);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  return places;
}

function placeOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return 'somewhere';
  }
}

/** Clears the folders of runs that were killed before they could clean up. */
export async function clearDeadRuns(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    const match = /^carillon-test-(\d+)-(.+)$/.exec(name);
    if (match === null) continue;
    if (beginningOf(Number(match[1])) !== match[2]) await clearRunFolder(join(tmpdir(), name)).catch(() => undefined);
  }
}
