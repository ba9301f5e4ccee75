import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { cloneDatabase, type TestDatabase } from './clone-database.js';
import { freePort } from './free-port.js';
import { newFolder, runFolder } from './run-folder.js';
import { waitFor } from './wait-for.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export interface HubOptions {
  /** Settings on top of the usual ones of a test. */
  env?: Record<string, string>;
  /** A database to work on, which the caller drops; or 'own': an embedded PostgreSQL in `dataDir`. Otherwise a fresh clone. */
  database?: TestDatabase | 'own';
  /** For 'own'; otherwise a new folder. */
  dataDir?: string;
  port?: number;
}

export interface Hub {
  /** Where it listens, without a trailing slash. */
  url: string;
  /** FHIR base of the face r4b. */
  fhir: string;
  port: number;
  pid: number;
  dataDir: string;
  /** Everything it has written so far. */
  output(): string;
  /** Asks it to stop as an operator would and waits until it has; the exit code. Safe to call twice. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** `kill -9`, with no chance to finish anything; waits until the process is gone. */
  kill(): Promise<void>;
  /** Resolves with the exit code when it ends by itself. */
  ended: Promise<number | null>;
}

/** Starts the built hub as a process of its own and returns when it is ready. The file that starts a hub also stops it (`afterAll`). */
export async function startHub(options: HubOptions = {}): Promise<Hub> {
  const clone = options.database === undefined ? await cloneDatabase() : undefined;
  const hub = await spawnHub(options, options.database === 'own' ? undefined : (options.database ?? clone), async () =>
    clone?.drop(),
  );
  try {
    await waitFor(async () => hasEnded(hub) || (await fetch(`${hub.url}/health/ready`)).ok, {
      milliseconds: 60_000,
      what: 'the hub to be ready',
    });
    if (hasEnded(hub)) throw new Error('The hub ended while it started');
    return hub;
  } catch (error) {
    await hub.kill();
    throw new Error(`${(error as Error).message}\n${hub.output()}`, { cause: error });
  }
}

/** Runs a hub that is expected to refuse its start: its exit code and what it wrote. */
export async function runHub(options: HubOptions = {}): Promise<{ code: number | null; output: string }> {
  const hub = await spawnHub(options, options.database === 'own' ? undefined : options.database, async () => {});
  const code = await hub.ended;
  return { code, output: hub.output() };
}

async function spawnHub(options: HubOptions, database: TestDatabase | undefined, cleanUp: () => Promise<void>): Promise<Hub> {
  const port = options.port ?? (await freePort());
  const dataDir = options.dataDir ?? newFolder('data');
  const child = spawn(process.execPath, [MAIN], {
    // A process that works in the run's folder is ended with the run, whatever becomes of its test.
    cwd: dataDir,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      TMPDIR: runFolder(),
      PORT: String(port),
      DATA_DIR: dataDir,
      LOG_LEVEL: 'info',
      ...(database === undefined ? {} : { DATABASE_URL: database.url, POOL_SIZE: '8' }),
      ...options.env,
    },
  });
  const output = collect(child);
  const ended = new Promise<number | null>((resolve) =>
    child.once('close', (code) => void cleanUp().finally(() => resolve(code))),
  );
  const end = (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    return ended;
  };
  return {
    url: `http://127.0.0.1:${port}`,
    fhir: `http://127.0.0.1:${port}/fhir/r4b`,
    port,
    pid: child.pid!,
    dataDir,
    output,
    ended,
    stop: (signal = 'SIGTERM') => end(signal),
    kill: async () => void (await end('SIGKILL')),
  };
}

function hasEnded(hub: Hub): boolean {
  try {
    process.kill(hub.pid, 0);
    return false;
  } catch {
    return true;
  }
}

function collect(child: ChildProcess): () => string {
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk));
  return () => chunks.join('');
}
