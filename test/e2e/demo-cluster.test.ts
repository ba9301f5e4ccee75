import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { processesIn } from '../../src/storage/postgres/processes.js';
import { newFolder } from '../support/run-folder.js';

const MAIN = fileURLToPath(new URL('../../demo/main.ts', import.meta.url));

async function demo(...words: string[]): Promise<{ code: unknown; output: string; folder: string }> {
  const folder = newFolder('demo');
  const child = spawn(process.execPath, [MAIN, ...words], {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const code = await new Promise((resolve) => child.once('close', resolve));
  return { code, output, folder };
}

test('the demo of a cluster kills one of three hubs, shows who takes over, finds nothing lost, and leaves nothing behind', async () => {
  const { code, output, folder } = await demo('cluster');
  expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('Nothing was lost, and numbers have no gap.') });
  expect(output).toMatch(/before .*\n( {2}hub \d+ .*\n){3}/);
  expect(output).toMatch(/after .*\n( {2}hub \d+ .*\n){2}\n/);
  expect(output).toMatch(/taken over after \d+ ms, its subscriptions after \d+ ms/);
  expect(output).toMatch(/events owed: lost 0, out of order 0, repeated \d+/);
  expect(readdirSync(folder).filter((name) => name.startsWith('carillon'))).toEqual([]);
  expect(processesIn(folder)).toEqual([]);
}, 300_000);

test('a demo that there is not is refused with the names of those there are', async () => {
  const { code, output } = await demo('nonsense');
  expect(code).toBe(1);
  expect(output).toContain('There is no demo "nonsense"; there is "cluster"');
});
