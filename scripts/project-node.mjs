/** The Node 24 that npm installed for this project; the one that runs a script may be older. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const installed = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url));
const isCurrent = Number(process.versions.node.split('.')[0]) >= 24;

if (!isCurrent && !existsSync(installed)) {
  console.error(
    `Carillon needs Node 24 (this is ${process.version}), and npm did not install it: run "npm ci" with install scripts allowed.`,
  );
  process.exit(1);
}

export const node = isCurrent ? process.execPath : installed;
export const isProjectNode = isCurrent;
