import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

export interface HubProcess {
  /** `http://127.0.0.1:port` */
  url: string;
  /** FHIR base of the face r4b. */
  fhir: string;
  pid: number;
  dataDir: string;
  startMilliseconds: number;
  output(): string;
  /** Stops it, or kills it at once, and waits until it is gone. Its folder stays. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Stops it and removes its folder. */
  remove(): Promise<void>;
}

export interface HubOptions {
  /** A folder to go on with; otherwise a new one. */
  dataDir?: string;
  /** Whether that folder stays when all hubs are removed at once. */
  keepsData?: boolean;
  port?: number;
  env?: Record<string, string>;
}

const running = new Map<ChildProcess, () => Promise<void>>();
process.on('exit', () => running.forEach((_, child) => child.kill('SIGKILL')));

/** Stops every hub that still runs, one that is just starting included, and removes its folder. */
export async function removeHubs(): Promise<void> {
  await Promise.all([...running.values()].map((remove) => remove()));
}

/** Starts the built hub as a process of its own, with its own PostgreSQL in a temporary folder, and returns when it is ready. */
export async function startHub(options: HubOptions = {}): Promise<HubProcess> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'carillon-'));
  const port = options.port ?? (await freePort());
  const url = `http://127.0.0.1:${port}`;
  const started = performance.now();
  // With the flags of `npm start` (package.json).
  const child = spawn(process.execPath, ['--max-semi-space-size=64', MAIN], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      PORT: String(port),
      DATA_DIR: dataDir,
      LOG_LEVEL: 'warn',
      ...options.env,
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const ended = new Promise<void>((resolve) => child.once('close', () => void (running.delete(child), resolve())));
  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    child.kill(signal);
    await ended;
  };
  const remove = async (): Promise<void> => {
    await end('SIGTERM');
    rmSync(dataDir, { recursive: true, force: true });
  };
  running.set(child, options.keepsData === true ? () => end('SIGTERM') : remove);
  while (!(await isReady(url))) {
    if (child.exitCode !== null || performance.now() - started > 60_000) {
      await remove();
      throw new Error(`The hub did not start:\n${output}`);
    }
    await wait(5);
  }
  const startMilliseconds = Math.round(performance.now() - started);
  return { url, fhir: `${url}/fhir/r4b`, pid: child.pid!, dataDir, startMilliseconds, output: () => output, end, remove };
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/health/ready`)).ok;
  } catch {
    return false;
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
