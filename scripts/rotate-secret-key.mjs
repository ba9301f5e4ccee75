/** Replaces the key that secrets in the database are sealed under, with the hub's settings; the hub may run meanwhile. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { build } from './build.mjs';
import { isProjectNode, node } from './project-node.mjs';

build();
const program = new URL('../dist/rotate-secret-key.js', import.meta.url);

if (isProjectNode) await import(program);
else process.exit(spawnSync(node, [fileURLToPath(program)], { stdio: 'inherit' }).status ?? 1);
