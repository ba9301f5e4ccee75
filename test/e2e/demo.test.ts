import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { newFolder } from '../support/run-folder.js';

const MAIN = fileURLToPath(new URL('../../demo/main.ts', import.meta.url));

test('the demo brings everything everywhere, says so, and leaves nothing behind', async () => {
  const folder = newFolder('demo');
  const child = spawn(process.execPath, [MAIN], {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect({ code, output }).toEqual({
    code: 0,
    output: expect.stringContaining('Everything that was asked for came, and nothing else.'),
  });
  for (const way of ['pushed', 'polled', 'pulled   search', 'rest-hook', 'websocket', 'Socket.IO']) expect(output).toContain(way);
  expect(readdirSync(folder).filter((name) => name.startsWith('carillon'))).toEqual([]);
}, 240_000);
