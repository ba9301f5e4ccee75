import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { processesIn } from '../../src/storage/postgres/processes.js';
import { freePort } from '../support/free-port.js';
import { newFolder } from '../support/run-folder.js';
import { waitFor } from '../support/wait-for.js';

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));

/** `npm start` as a person or a supervisor does it, in a process group of its own like a terminal's job. */
async function npmStart() {
  const port = await freePort();
  const dataDir = newFolder('data');
  const npm = spawn('npm', ['start'], {
    cwd: CHECKOUT,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], PORT: String(port), DATA_DIR: dataDir },
  });
  let output = '';
  for (const stream of [npm.stdout, npm.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  const ended = new Promise<number | null>((resolve) => npm.once('close', resolve));
  await waitFor(() => output.includes('Carillon is ready at') || npm.exitCode !== null, {
    milliseconds: 50_000,
    what: 'the ready line',
  });
  expect(output).toContain(`Carillon is ready at http://127.0.0.1:${port}`);
  return { npm, dataDir, ended };
}

test.each([
  ['SIGTERM', 'npm alone, as a supervisor does'],
  ['SIGINT', 'npm alone, as a supervisor does'],
  ['SIGINT', 'the whole group, as Ctrl-C in a terminal does'],
  ['SIGTERM', 'the whole group, as a closing session does'],
] as const)('%s to %s stops the hub and its database with exit code 0', async (signal, whom) => {
  const { npm, dataDir, ended } = await npmStart();
  process.kill(whom.startsWith('npm') ? npm.pid! : -npm.pid!, signal);
  expect(await ended).toBe(0);
  expect(processesIn(realpathSync(join(dataDir, 'postgres')))).toEqual([]);
  expect(existsSync(join(dataDir, 'hub.lock'))).toBe(false);
});
