import { execFile } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Binaries } from './binaries.js';
import { clearLeftovers } from './leftovers.js';
import { canReach } from './reachable.js';
import type { SystemUser } from './system-user.js';

/** A data folder of PostgreSQL, the programs for it and the account they run under. */
export interface Cluster {
  folder: string;
  binaries: Binaries;
  user: SystemUser | undefined;
}

/**
 * How the programs are told the data folder. Its account may not be able to walk down to it (a DATA_DIR in root's home): then they
 * start inside it and use Linux's link to the own working folder, which needs no walk. Everything else stays where DATA_DIR says.
 */
export function dataFolderArgument({ user }: Cluster, folder: string): string {
  if (user === undefined || canReach(folder, user)) return folder;
  if (process.platform !== 'linux') {
    throw new Error(
      `The account "postgres" cannot reach ${folder}: choose a DATA_DIR that others may enter, or start as another user.`,
    );
  }
  return '/proc/self/cwd';
}

/** How to start a program of PostgreSQL: inside the data folder, as the right account, with nothing of our environment but the zone of C. */
export function programOptions({ user }: Cluster, folder: string) {
  return { cwd: folder, uid: user?.uid, gid: user?.gid, env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' } };
}

/**
 * Makes the cluster where there is none yet. Made aside and renamed, so that a start that is cut short leaves nothing half-made.
 * The locale is PostgreSQL's own C.UTF-8: the same order and case rules on every machine, whatever locales it has.
 */
export async function initialiseCluster(cluster: Cluster, options: { sync: boolean } = { sync: true }): Promise<void> {
  if (existsSync(join(cluster.folder, 'PG_VERSION'))) return;
  const aside = `${cluster.folder}.making`;
  // The initdb of a hub that was killed meanwhile goes on by itself.
  await clearLeftovers(aside);
  rmSync(aside, { recursive: true, force: true });
  mkdirSync(aside, { mode: 0o700 });
  if (cluster.user) chownSync(aside, cluster.user.uid, cluster.user.gid);
  await promisify(execFile)(
    join(cluster.binaries.folder, 'bin', 'initdb'),
    [
      `--pgdata=${dataFolderArgument(cluster, aside)}`,
      '--username=postgres',
      // Who may open the socket in the private folder is the owner or root; there is nothing a password would add.
      '--auth=trust',
      '--encoding=UTF8',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--locale=C',
      '--no-instructions',
      ...(options.sync ? [] : ['--no-sync']),
    ],
    programOptions(cluster, aside),
  );
  renameSync(aside, cluster.folder);
}
