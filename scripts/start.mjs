/** Starts the hub: builds what is not built, then becomes it. Under an older Node the hub runs in a child, to which signals are passed on. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { build } from './build.mjs';
import { isProjectNode, node } from './project-node.mjs';

build();
const main = new URL('../dist/main.js', import.meta.url);

if (isProjectNode) {
  await import(main);
} else {
  const child = spawn(node, [fileURLToPath(main)], { stdio: 'inherit' });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 128)));
}
