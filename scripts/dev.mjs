/** `npm start`, again after each change of the sources. A build that fails leaves the running hub as it is. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, watch } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { node } from './project-node.mjs';

const path = (file) => fileURLToPath(new URL(file, import.meta.url));
const PAUSE_MILLISECONDS = 200;
let hub;
let timer;
let isStopping = false;
let turn = Promise.resolve();

function launch() {
  hub = spawn(node, ['--enable-source-maps', path('../dist/main.js')], { stdio: 'inherit' });
}

async function again() {
  if (isStopping || spawnSync(node, [path('build.mjs')], { stdio: 'inherit' }).status !== 0) return;
  await end();
  if (!isStopping) launch();
}

function end(signal = 'SIGTERM') {
  const ending = hub;
  if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    ending.once('exit', resolve);
    ending.kill(signal);
  });
}

for (const folder of ['../src', '../migrations', '../topics']) {
  if (!existsSync(path(folder))) continue;
  watch(path(folder), { recursive: true }, () => {
    clearTimeout(timer);
    timer = setTimeout(() => (turn = turn.then(again)), PAUSE_MILLISECONDS);
  });
}
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
  process.on(signal, () => {
    isStopping = true;
    void end(signal).then(() => process.exit(0));
  });
}
await again();
