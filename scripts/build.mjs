/**
 * Builds `dist/`: the definitions compiled from FHIR's package, then the sources by swc. Each half is skipped while what it is made of
 * has not changed, so that a start costs nothing for it. Run directly it builds; imported it offers `build()`.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { node } from './project-node.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const compilers = [
  'compile-definitions.mjs',
  'compile-invariants.mjs',
  'compile-search-parameters.mjs',
  'compile-terminology.mjs',
];
const builtOtherwise = new Set([join(root, 'dist/definitions')]);

/** Brings `dist/` up to date. @returns whether anything had to be built */
export function build() {
  mkdirSync(join(root, 'dist'), { recursive: true });
  const definitions = once(
    'definitions',
    [...compilers.map((name) => `scripts/${name}`), 'src/search/split-union.ts', 'node_modules/hl7.fhir.r4b.core/package.json'],
    () => {
      for (const name of compilers) run([join(root, 'scripts', name)]);
    },
  );
  const sources = once('sources', ['src', '.swcrc', 'nest-cli.json', 'package-lock.json'], compileSources);
  return definitions || sources;
}

function compileSources() {
  const swc = join(root, 'node_modules', '@swc', 'cli', 'bin', 'swc.js');
  run([swc, 'src', '--out-dir', 'dist', '--strip-leading-paths', '--quiet']);
  removeOrphans(join(root, 'src'), join(root, 'dist'));
}

/** Takes away what was built from sources that are no more. Nothing is removed beforehand: a hub may be starting from it. */
function removeOrphans(from, to) {
  if (!existsSync(to)) return;
  for (const entry of readdirSync(to, { withFileTypes: true })) {
    const built = join(to, entry.name);
    if (builtOtherwise.has(built) || entry.name.startsWith('.')) continue;
    if (entry.isDirectory()) {
      if (existsSync(join(from, entry.name))) removeOrphans(join(from, entry.name), built);
      else rmSync(built, { recursive: true, force: true });
    } else if (!existsSync(join(from, entry.name.replace(/\.js(\.map)?$/, '.ts')))) {
      rmSync(built, { force: true });
    }
  }
}

/** Does `work` unless its stamp says that it was done from just these files. */
function once(name, inputs, work) {
  const file = join(root, 'dist', `.${name}.stamp`);
  const stamp = fingerprint(inputs);
  if (existsSync(file) && readFileSync(file, 'utf8') === stamp) return false;
  work();
  writeFileSync(`${file}.new`, stamp);
  renameSync(`${file}.new`, file);
  return true;
}

/** Names, sizes and times: some hundred files in a few milliseconds. */
function fingerprint(inputs) {
  const hash = createHash('sha256');
  const visit = (path) => {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return;
    if (stat.isDirectory()) for (const entry of readdirSync(path).sort()) visit(join(path, entry));
    else hash.update(`${relative(root, path)}\0${stat.size}\0${stat.mtimeMs}\n`);
  };
  for (const input of inputs) visit(join(root, input));
  return hash.digest('hex');
}

function run(args) {
  const { status, error } = spawnSync(node, args, { cwd: root, stdio: 'inherit' });
  if (error !== undefined) throw error;
  if (status !== 0) {
    console.error(`Building failed: ${args.map((arg) => relative(root, arg) || arg).join(' ')}`);
    process.exit(status ?? 1);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) build();
